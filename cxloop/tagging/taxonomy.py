"""The causes that a new installation starts with, and the three sentiments: what the shipped tagger can say.

A cause says why the customer is unhappy; a text may have several. `other` stands alone: it is what is
said when none of the causes fits or none is stated. Companies edit their own list in the database (a `Cause`
row); the keys here are the words that trained weights know, so they never change their meaning.
"""

from typing import NamedTuple

VERSION = 1
SENTIMENTS = ("negative", "neutral", "positive")
OTHER = "other"


class CauseDefinition(NamedTuple):
    key: str
    name: str
    definition: str


DEFAULT_CAUSES = (
    CauseDefinition(
        "delivery_delay",
        "Late or delayed",
        "Goods, money, a vehicle or a service came late, or not when it was promised.",
    ),
    CauseDefinition(
        "cancellation",
        "Cancelled by the provider",
        "The provider, a strike or a disruption cancelled or stopped the service or the order.",
    ),
    CauseDefinition(
        "lost_damaged",
        "Lost or damaged",
        "An item, luggage, parcel or card was lost, stolen on the way, or arrived damaged or badly packed.",
    ),
    CauseDefinition(
        "wait_time",
        "Waiting and queues",
        "Queues, time on hold, slow service or slow response while being served.",
    ),
    CauseDefinition(
        "staff_attitude",
        "Staff behaviour",
        "Rude, careless, threatening or unempathetic behaviour of a member of staff.",
    ),
    CauseDefinition(
        "support_handling",
        "Customer support",
        "Customer support cannot be reached, does not reply, passes the complaint around or leaves it unresolved.",
    ),
    CauseDefinition(
        "communication",
        "Information",
        "The customer was not told, was told late, or was told something wrong or unclear.",
    ),
    CauseDefinition(
        "billing_refund",
        "Billing and refunds",
        "A wrong, duplicate or unexpected charge, or a refund or payment that was not processed.",
    ),
    CauseDefinition(
        "price_value",
        "Price and value",
        "The price is correct but felt too high, or poor value for money.",
    ),
    CauseDefinition(
        "product_quality",
        "Quality of product or service",
        "The core product or service itself is defective, poor or not as described (food, care, device, flight).",
    ),
    CauseDefinition(
        "cleanliness_environment",
        "Premises and cleanliness",
        "Dirt, noise, heat, smell, lack of comfort or bad condition of rooms and premises.",
    ),
    CauseDefinition(
        "website_app",
        "Website and app",
        "A fault of the website, app, login, Wi-Fi or another digital service.",
    ),
    CauseDefinition(
        "booking_ordering",
        "Booking and account changes",
        "Trouble placing, changing or managing a booking, order, appointment, application or account.",
    ),
    CauseDefinition(
        "stock_capacity",
        "Stock and capacity",
        "Out of stock, overbooked, too few seats, staff or choices.",
    ),
    CauseDefinition(
        "account_fraud",
        "Fraud, identity and records",
        "Fraud, identity theft, wrong personal records, privacy, or a locked account or unrecognised transaction.",
    ),
    CauseDefinition(
        "safety_access",
        "Safety and access",
        "Safety, security, accessibility, discrimination, or a hard-to-reach location, transport or parking.",
    ),
    CauseDefinition(
        OTHER,
        "Other or not stated",
        "Negative, but no cause is stated or none of the others fits.",
    ),
)

# What the causes head of a trained graph answers, in this order; `other` is said when none of them is asserted.
CAUSE_KEYS = tuple(cause.key for cause in DEFAULT_CAUSES if cause.key != OTHER)
