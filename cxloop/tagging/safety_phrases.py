"""The phrases of safety.py, English and German, over lower-case text with single spaces.

A line holds phrases between " | "; each is a regular expression of literal alternatives, and " … " stands for up to
three words in between. A backslash at its end joins a line with the next. There is no repeat without a bound, so the
time to search is linear in the length of the text.
"""

PHRASES: dict[str, str] = {
    "injury": r"""
        injur(?:y|ies|ed|ing)
        (?:hurt|burn(?:t|ed)|cut|scald(?:ed)?|bruised) (?:my|his|her|our|their) (?:\w{1,12} )?(?:hand|arm|leg|\
            foot|feet|head|back|knee|finger|face|neck|shoulder|ankle|wrist|mouth|tongue|eye|lip)s?
        (?:got|was|were|been|badly|seriously|could have been|almost got) (?:hurt|burnt|burned|scalded|electrocuted)
        hurt (?:myself|himself|herself|themselves)
        (?:broke|broken|fractured|sprained|twisted) (?:my|his|her|a|their) (?:\w{1,12} )?(?:hand|arm|leg|foot|\
            hip|knee|finger|nose|neck|shoulder|ankle|wrist|rib|tooth|collarbone)s?
        bleeding(?! (?:money|edge|heart)) | bled | concussion | food poisoning
        (?:made|got|fell|became|was|were|been) (?:\w{1,12} )?(?:violently|seriously|really|very) (?:ill|\
            sick)(?! (?:of|and tired))
        (?:made|making) (?:me|us|him|her|them|my \w{1,12}|our \w{1,12}) (?:\w{1,12} )?(?:ill|sick) (?:after|for|\
            from|all|with|and (?:i|we))
        vomit(?:ed|ing) | throwing up (?:all|for|since|after) | allergic reaction | anaphyla(?:xis|ctic)(?: shock)?
        epi ?pen
        (?:rushed|ended up|ending up|had to go|had to be taken|taken by ambulance|landed) … (?:hospital|the er|\
            emergency room|a&e|urgent care)
        (?:call(?:ed)?|needed|by|for|had to get) (?:me |him |her |us |them )?an? ambulance | by ambulance
        (?:electric|got a) shock from | caught fire | (?:burst into|went up in) flames | exploded | carbon monoxide
        gas leak | chok(?:ed|ing) on | knocked (?:me|him|her|us|them|my \w{1,12}) (?:down|over|unconscious|off)
        (?:slipped|tripped|fell) … (?:stairs|steps|floor|escalator|ladder|ice|broke|hospital)
        verletz(?:t|te|ung|ungen|te[nr]?) | gestürzt | gebrochen(?:e[nrs]?)? (?:arm|bein|fuß|hand|rippe|handgelenk)
        (?:arm|bein|fuß|hand|rippe|nase|handgelenk|finger) gebrochen | verbrannt | verbrüht
        blutet | geblutet | blutend | lebensmittelvergiftung | allergische(?:r|n)? (?:reaktion|schock)
        (?:ins|im) krankenhaus | (?:in die|in der) notaufnahme | notarzt | krankenwagen | rettungswagen
        stromschlag | in flammen | brennt lichterloh | gasaustritt | erbrochen | erbrechen müssen
    """,
    "self_harm": r"""
        suicid(?:e|al) | kill(?:ing)? myself(?! laughing) | end(?:ing)? (?:my (?:own )?life|it all)
        tak(?:e|ing) my (?:own )?life
        (?:do not|don'?t|no longer|not) want to (?:live|be alive|be here|wake up) ?(?:any ?more|\
            any longer)?(?= |$|\W)(?! (?:in|at|with|near|next))
        want(?:ed)? to die | better off dead | harm(?:ing|ed)? myself | hurt(?:ing)? myself on purpose
        self[- ]harm(?:ing|ed)? | no reason to (?:live|go on) | selbstmord | suizid(?:al|gedanken)? | selbsttötung
        mich umbringen | bringe mich um | mir das leben nehmen | mir etwas antun
        nicht mehr leben (?:will|möchte|kann)? | will nicht mehr leben | möchte nicht mehr leben
        selbstverletz(?:ung|end)
    """,
    "legal_threat": r"""
        (?:my|our|an?|the|your) (?:lawyers?|attorneys?|solicitors?|barrister)(?! (?:friend|fee|who sold))
        lawyer(?:ing)? up | (?:through|with|involve|consult|hear from) (?:my |our )?(?:lawyers|solicitors|attorneys)
        su(?:e|ing) (?:you|them|the|this|your|for|over|if|him|her) | i(?:'ll| will| am going to|'m going to) sue
        lawsuits? | law suits? | legal (?:action|proceedings|advice|steps|claim|route|team|representation)
        (?:small claims|county|civil) court
        (?:take|taking|see|seeing|taken) (?:you|them|this|it|the \w{1,15}) (?:all )?(?:to|in|through) (?:the )?courts?
        see you in court | class action | litigation | statutory rights | letter before action
        press(?:ing)? charges | (?:rechts)?anw(?:alt|älte|ältin|ältinnen|alts|älten) | verklag(?:e|en|t)
        klage (?:ein(?:reichen|legen)|erheben)
        rechtliche(?:n|r)? schritte? | rechtsweg | rechtsschutz(?:versicherung)? | (?:vor|zum|ans) gericht
        anzeige (?:erstatte|erstatten|erstattet) | strafanzeige | gerichtlich
    """,
    "press": r"""
        (?:go|going|went|gone|talk|talking|speak|speaking|take|taking|taken|contact|contacting|contacted|tell|\
            telling|told|call|calling|email|emailing|write|writing|wrote|sent|send|sending) … (?:press|media|\
            newspapers?|journalists?|reporters?|bbc|cnn|daily mail|new york times|guardian|tv news|local news|\
            watchdog programme|consumer programme)
        local (?:news ?paper|news station|tv station|reporter) | (?:i am|i'm|as) a journalist
        (?:an die|zur|mit der|bei der) (?:presse|zeitung|bildzeitung|bild) | an die (?:öffentlichkeit|medien)
        journalist(?:en|in|innen)? | reporter(?:n|in)? | verbrauchermagazin
    """,
    "regulator": r"""
        regulators? | ombuds(?:man|men|person|woman|mann|frau|stelle) | trading standards
        consumer (?:protection|affairs|rights) (?:agency|authority|bureau|office|body|department|commission)
        better business bureau | bbb complaint | cfpb | ofcom | ofgem | ofwat | finra | ftc
        (?:the|to|with|contact(?:ing)?) (?:fca|fos|faa|caa|dot|fda|fcc|ico|sec|osha|care quality commission)
        (?:attorney general|department of transportation|health (?:department|inspector|inspectors)|\
            licensing board|environmental health|medical board|health and safety executive)
        (?:report(?:ing|ed)?|complain(?:ing|ed)?|escalat(?:e|ing|ed)) (?:\w{1,12} ){0,3}(?:to|\
            with) (?:the )?(?:authorities|police|authority|watchdog)
        verbraucherzentrale | verbraucherschutz
        bafin | bundesnetzagentur | schlichtungsstelle | schlichtung | aufsichtsbehörde | gesundheitsamt
        ordnungsamt | gewerbeaufsicht | luftfahrt-?bundesamt | eisenbahn-?bundesamt | datenschutzbehörde
        (?:bei der|zur|die) polizei
    """,
    "discrimination": r"""
        racis(?:t|m|ts) | racially | racial (?:slur|slurs|abuse|profiling)
        sexis(?:t|m) | homophobi(?:c|a) | transphobi(?:c|a) | islamophobi(?:c|a) | antisemiti(?:c|sm)
        anti-semiti(?:c|sm) | xenophobi(?:c|a) | ableis(?:t|m) | ageis(?:t|m) | discriminat(?:e|ed|es|ing|ion|ory)
        because (?:i am|i'm|we are|we're|he is|she is|of (?:my|his|her|our|their)) (?:black|asian|brown|muslim|\
            jewish|gay|disabled|trans|foreign|skin|race|religion|disability|hijab|accent|age|colou?r|gender|\
            nationality|ethnicity|wheelchair|headscarf)
        sexual(?:ly)? harass(?:ed|ment|ing)? | groped
        (?:refused|denied|turned away) … (?:guide dog|service dog|assistance dog|wheelchair)
        (?:refused|denied|turned away|thrown out) … (?:with|because of|due to) (?:my|her|his|our|the) \
            (?:guide dog|service dog|assistance dog|wheelchair|skin|accent|headscarf|hijab)
        rassis(?:mus|tisch|tische[nrs]?|t|ten) | diskriminier(?:t|ung|end|ende[nrs]?|en)
        sexistisch(?:e[nrs]?)? | homophob(?:e[nrs]?)? | ausländerfeindlich(?:e[nrs]?)?
        fremdenfeindlich(?:e[nrs]?)? | antisemitisch(?:e[nrs]?)? | frauenfeindlich(?:e[nrs]?)?
        sexuell belästigt | sexuelle belästigung
    """,
    "data_breach": r"""
        data (?:breach|leak|protection (?:breach|violation))
        breach(?:ed)? of (?:privacy|confidentiality|data|gdpr) | gdpr (?:violation|breach|complaint|request)
        (?:violat(?:ed|es|ing|ion)|breach(?:ed|es|ing)?) (?:of )?(?:gdpr|hipaa|my privacy|our privacy|data protection)
        (?:my|our|customer|personal|medical|patient) (?:\w{1,15} ){0,2}(?:data|details|information|records?|\
            account|password|passwords) … (?:leaked|stolen|hacked|exposed|compromised|published online)
        (?:leaked|exposed|shared|disclosed|emailed|sent|gave|published) (?:out )?(?:my|\
            our) (?:\w{1,15} ){0,2}(?:data|details|information|records?|address|medical \w{1,12}|phone number|\
            results) … (?:to (?:a |an )?(?:stranger|someone|another|wrong|somebody|third|the wrong|other)|\
            online|publicly)
        (?:another|someone else'?s|other|somebody else'?s|a stranger'?s) (?:customers?|patients?|persons?|\
            peoples?|people's|customer's|patient's|person's)? ?(?:personal |private |medical )?(?:data|details|\
            records?|statement|statements|address|test results|medical \w{1,12}|file)
        identity theft | (?:account|email|card) (?:was|has been|got|is|been) hacked
        datenleck | datenpanne | datenschutzverletzung | datenschutzverstoß | datendiebstahl | identitätsdiebstahl
        (?:daten|unterlagen|kontodaten) … (?:gestohlen|gehackt|veröffentlicht|weitergegeben|geleakt)
        konto (?:wurde )?gehackt | (?:fremde[nrs]?|anderer) (?:daten|kunden|patienten)
    """,
    "vulnerable": r"""
        (?:cannot|can't|can not|couldn't) afford (?:food|to eat|heating|to heat|(?:my |the )?(?:rent|medication|\
            medicine))
        (?:made|being|going to be|about to be|will be|end up) (?:homeless|evicted) | food bank
        (?:i am|i'm|i have been|i was|i feel) (?:recently |just )?(?:bereaved|widowed|suicidal|housebound|\
            terminally ill)
        my (?:late )?(?:husband|wife|mother|father|mum|mom|dad|son|daughter|partner|brother|\
            sister) (?:has )?(?:just |recently )?(?:died|passed away)
        (?:mental health|panic attacks?|nervous breakdown) (?:is|are|has|because|suffer(?:s|ed|ing)?|due)
        mein(?:e)? (?:mann|frau|mutter|vater|sohn|tochter) ist (?:gestern |kürzlich |gerade )?(?:gestorben|verstorben)
        obdachlos | miete nicht (?:mehr )?(?:zahlen|bezahlen) | nichts mehr zu essen
    """,
}

# A child or a frail person is no alarm by itself ("my daughter loves it"): who it is about and that something is wrong
# must stand close together in one sentence.
WHO: dict[str, str] = {
    "child": r"""
        child(?:ren)? | bab(?:y|ies)(?! (?:doll|bump|shower|blue|pink)) | toddlers? | infants? | newborn | kids?
        (?:year|month)[- ]olds? | daughter | son | grandson | granddaughter | grandchild(?:ren)? | teenager
        kind(?:er|ern|es)? | säugling | kleinkind(?:er)? | tochter | sohn | enkel(?:in|kind)?
        \d{1,2}[- ]?jährige[nrs]?
    """,
    "vulnerable": r"""
        vulnerable | bedridden | housebound
        disabled (?:person|people|customer|passenger|guest|son|daughter|mother|father|man|woman|child|badge|\
            veteran|wife|husband)
        (?:am|is|i'm|he's|she's) disabled | disability | terminally ill | visually impaired | hard of hearing
        deaf | blind | autis(?:tic|m) | wheelchairs? | dementia | alzheimer'?s | parkinson'?s | pregnant
        diabetic | insulin | oxygen tank | dialysis | chemo(?:therapy)? | cancer | elderly | frail
        [789]\d[- ]year[- ]olds? | pensioners? | grandmother | grandfather | gran | nan | epileptic | stroke
        rollstuhl(?:fahrer|fahrerin)? | (?:schwer|geh)?behindert(?:e[nrs]?)? | pflegebedürftig(?:e[nrs]?)?
        demen(?:z|t) | schwanger(?:e[nrs]?)? | krebs(?:krank|patient|patientin|behandlung)? | blinde[nrs]?
        gehörlos(?:e[nrs]?)? | (?:alte|ältere|betagte)[nr]? | oma | opa | rentner(?:in)?
    """,
}
PERIL: dict[str, str] = {
    "child": r"""
        alone | unattended | abandoned | stranded | lost | missing | locked in | trapped
        left (?:behind|outside|in|on|at|him|her|them) | hurt | injured | bleeding | burn(?:t|ed)
        chok(?:e[ds]?|ing) | swallow(?:ed|s)? | poison(?:ed|ing)? | hit | fell | screaming | terrified | unsafe
        danger(?:ous)? | not safe | at risk | hospital | ambulance | allergic | allergy | peanuts? | sharp | fever
        abuse[ds]? | grabbed | touched | shouted at | yelled at | nearly (?:hit|died|drowned|fell|run over|ran)
        without (?:supervision|a car ?seat|heating|food|milk)
        no (?:heating|hot water|supervision|car ?seat|seat ?belts?) | died | dying | very ill | seriously ill
        allein(?:e)? | verloren | verletz(?:t|ung) | blutet | gestürzt | verschluckt | erstickt | eingesperrt
        gefahr | gefährlich | notaufnahme | krankenhaus | allergi(?:e|sch) | angeschrien | geschlagen
        ohne (?:heizung|aufsicht|essen|kindersitz) | zurückgelassen
    """,
    "vulnerable": r"""
        alone | abandoned | stranded | stuck | trapped | left (?:behind|outside|in|on|at|him|her|them|me|without)
        refus(?:ed|es|ing) | denied | turned away | ignored
        no (?:heating|help|assistance|ramp|lift|hot water|water|power|electricity|one|medication)
        without (?:heating|help|assistance|water|power|electricity|medication|food|her|his|my|a) | fell | hurt
        injured | struggl\w{2,3} | could(?:n't| not) | can(?:'t| ?not) | unable | forced | made (?:to|her|him)
        for hours | for days | freezing | crying | in tears | scam(?:med)? | conned | pressured | confused
        tricked | misled | humiliat\w{2,3} | dropped | broken | damaged | cancelled | no longer
        allein(?:e)? | gestrandet | sitzt fest | stecken | verweigert | abgewiesen | ignoriert
        keine?[nr]? (?:heizung|hilfe|rampe|aufzug|warmwasser|strom)
        ohne (?:heizung|hilfe|strom|wasser|medikamente) | gestürzt | stunden | tage(?:n|lang)? | wochen | nicht
        gezwungen | betrogen | weint
    """,
}

# A request for contact: any of these, unless what stands before it in the clause takes it back ("no need to call me").
CONTACT = r"""
    (?:please|pls|plz|can|could|would|will|need|want|expect|asked|asking|waiting|like|someone|somebody) … \
        (?:call (?:me|us|back)|ring (?:me|us)|phone me|call ?back|contact (?:me|us)|get back to (?:me|us))
    (?:please|pls|plz|can|could|would|will|need|want|expect|asked|asking|waiting|like|someone|somebody) … \
        (?:get in touch(?: with (?:me|us))?|reach out to (?:me|us)|(?:reply|respond) to (?:me|us|my)|answer (?:me|my))
    (?:please|pls|plz|can|could|would|will|need|want|expect|asked|asking|waiting|like|someone|somebody) … \
        (?:e-?mail me|write (?:back )?to me|dm me|message me|hear (?:back )?from (?:you|someone|a manager))
    (?:speak|talk) (?:to|with) (?:someone|somebody|a (?:manager|person|human|supervisor|real person))
    call me back | call me (?:on|at|asap|today|tomorrow) | my (?:phone |mobile )?number is
    you can (?:reach|call|contact|email) me | contact me (?:on|at|asap|about)
    who (?:can|do|should) i (?:contact|speak to|talk to|call)
    (?:waiting|wait) for (?:a|an|your|any) (?:reply|answer|response)
    (?:bitte|kann|können|könnten|möchte|erwarte|warte) … (?:zurückrufen|rückruf|anrufen|melden|kontaktieren|antworten)
    (?:bitte|kann|können|könnten|möchte|erwarte|warte) … (?:kontakt aufnehmen|rückmeldung|antwort)
    rufen sie mich | ruft mich | melden sie sich | meine (?:telefon|handy)?nummer
"""
