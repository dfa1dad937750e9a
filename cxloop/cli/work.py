"""`cxloop work`: the worker."""

import click

from cxloop.cli.installation import ready_app


@click.command()
@click.option("--until-idle", is_flag=True, help="Do all that is due, print the counts, and exit.")
def work(until_idle: bool) -> None:
    """Tag feedback, sweep promises, send notices: run as many as you like."""
    from cxloop import drains, worker

    app = ready_app()
    kit = drains.Kit.of(app)
    if until_idle:
        for name, count in worker.work_until_idle(app, kit).items():
            click.echo(f"{name}: {count}")
    else:
        click.echo(f"Worker {kit.name} is at work; Ctrl-C ends it.")
        worker.work(app, kit)
