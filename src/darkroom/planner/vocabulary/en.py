"""How one points at pictures and wishes for things in English: ideas of `darkroom.planner.vocabulary`, each a list of patterns."""

from __future__ import annotations

_AGAIN_LEAD = (
    r"(?:ok |okay |hm+ |no |yes |and |one |can (?:you|u|we) |could (?:you|u|we) |would you |let'?s |lets |just |simply |again,? |please |pls |maybe |now |"
    r"then |u |i said |i want |i'd like |i'll have |give me |gimme |show me |let me see |let'?s see |make me |draw me |get me |do me |can i (?:get|have|"
    r"see) |could i (?:get|have|see) |may i have |i need |how about |what about |so |but )*"
)
"""What may stand before a bare `again`."""

_PARTS = (
    r"eyes?|eyebrows?|hands?|arms?|legs?|ears?|feet|foot|sides?|ends?|shoes?|boots?|socks?|gloves?|sleeves?|wings?|paws?|hooves|horns?|antlers?|cheeks?|"
    r"shoulders?|knees?|elbows?|wrists?|thumbs?|fingers?|fists?|lenses|corners?|edges?|walls?|wheels?|tyres?|tires?|headlights?|lamps?|candles?|windows?|"
    r"doors?|towers?|curtains?|chairs?|pillows?|lines?|words?|names?|dates?|letters?|languages|seasons?|buttons?|pockets?|braids?|hemispheres|directions|ways"
)
"""What there are two of in one picture: `both eyes` are no pictures."""

_OPENERS = (
    r"(?:and|so|but|ok|okay|hey|now|then|btw|oh|hm+|um+|uh+|er+|just|also|well|wait|right|hi|hello|yo|lol|haha|curious|just curious|actually|please|pls|sry|"
    r"one question|question|quick q|real quick|sorry|quick question|out of curiosity|i (?:only )?(?:want|would like|need) to know|do you know|tell me|"
    r"remind me|one (?:more )?thing)"
)
"""What a question may begin with."""

_UNDO_END = r"(?=\W*(?:please|pls|plz|thanks|thx|tbh|lol|imo|honestly|actually|though|tho|sorry|again)?\W*$)"
"""An undo that ends its turn."""

_UNDO_GOES_ON = (
    r"(?=\W*$|[,.;:!?…]|\s*(?:please|pls|plz|and|then|again|thanks|thx|but|instead|lol|tbh|sorry|for now|haha|i)\b)"
)
"""An undo that ends its clause."""

_CLOTHES = (
    r"buttons?|zips?|zippers?|braids?|hair|bun|knots?|ties?|bow|bows|buckles?|belts?|laces?|collar|shirt|jacket|coat|straps?|ribbons?|clasp|hooks?|corset|"
    r"pony ?tail|plaits?|pigtails|blouse|dress|gown|robe|cuffs?|scarf knot|rope|chains?|lock|latch|bra|trousers|pants|jeans|cardigan|vest|shoelaces?|cape|cloak"
)
"""What is undone by hand: `undo the top button`."""

_KEEPSAKES = (
    r"cards?|notes?|banners?|posters?|gifts?|signs?|message|stickers?|cake|postcards?|tags?|page|slide|letter|label|party|kiss|story|for (?:shopping|"
    r"your (?:order|purchase)|coming|visiting)"
)
"""What bears thanks and good-byes: `thank you card`."""

_WORKS = (
    r"pic\w*|pictures?|images?|pages?|ones?|scenes?|panels?|posters?|cards?|drawings?|illustrations?|shots?|prompts?|generations?|requests?|pieces?|art|"
    r"chapters?|strips?|renders?|stuff|work"
)
"""What is made here, one or several."""

_COLOURS = (
    r"red|blue|green|yellow|black|white|gr[ae]y|brown|pink|purple|violet|orange|gold|silver|teal|turquoise|cream|beige|navy|copper|bronze|lilac|mint|coral|"
    r"maroon|burgundy|terracotta|sage|ochre|olive|magenta|cyan|rose|peach|lavender|crimson|scarlet|charcoal|ivory"
)
"""Colours: `paint the wall red` makes nothing new."""

_FILM = (
    r"(?<!hair )(?<!paper )(?<!tie )\b(?:videos?|vids?|clips?|films?|movies?|animations?|footage|gifs?)\b(?! (?:games?|"
    r"calls?|cameras?|cards?|chat|conference|consoles?|stores?|shop|tapes?|cassettes?|grain|noir|stock|photo\w*|strips?|"
    r"stills?|posters?|rolls?|sets?|crew|stars?|studios?|directors?|theat(?:er|re)s?|scenes?|nights?|tickets?|art|"
    r"styles?|characters?|cels?|frames?)\b)"
)
"""What moves: `a movie poster` does not."""

_PICTURES = r"(?:pictures?|pics?|images?|photos?|drawings?|illustrations?|stills?|paintings?|sketch(?:es)?)"

_THINGS = r"(?:it|this|that|them|these|those|him|her|all|everything|everyone|both|each|the|my)"

WORDS: dict[str, tuple[str, ...]] = {
    "ordinal": (
        r"(?<!\w)picture\s?#?(?P<en4>[1-6]\b|one\b|two\b|three\b|four\b)(?!\w)",
        (
            r"(?<!very )(?<!at )(?<!for a )(?<!\ba )(?<!split )(?<!\w)(?!no one\b)(?!(?<!the )first (?:add|make|put|remove|change|give|turn|let|crop|fix|move|take|"
            r"draw|erase|clean|tell)\b)(?!(?<!the )(?<!your )(?<!my )(?<!that )(?<!to )(?<!very )(?<!from )first(?: (?:please|pls|though))?\W*$)(?P<en>first|second|"
            r"third|fourth|fifth|sixth|seventh|eighth|1st|2nd|3rd|(?:[4-9]|1\d)th|(?:number|no\.?|nr\.?|#|option|variant|version|take|draft|pic|picture|image|"
            r"concept|design|page|panel)\s?#?(?:[1-9]\b|one\b|two\b|three\b|four\b|five\b|six\b))(?!\w)(?!(?:\s|-)(?:thoughts?|of all|times?|(?:star|snow|ray|rays|"
            r"light|drop|drops|frost|leaves|leaf|flowers?|blossoms?|rays?|sip|bite|course|bell|frame of|lesson|love letter|job|car|pet|pair of|set of|layer|coat|"
            r"tooth|ballet|class|choice of|name|rule|round of|violin|man|woman|lieutenant|officer|mate)(?! (?:one|pic\w*|version|image))|floor|store?y|birthday|day|"
            r"night|date|dance|kiss|person|half|place|prize|grade|class|aid|steps?|things?|names?|idea of|letters?|words?|line|sentence|paragraph|row|column|verse|"
            r"anniversary|communion|lady|light|love|contact|man on|world war|hand|helping|cup|eye|arm|leg|degree|century|avenue|street|gear|base|dimension|rate|"
            r"hour|week|month|year|minute|season|button|tooth|finger|toe|nations?|wave|violin|ever))"
        ),
        (
            r"\b(?:photo|logo|sketch|drawing|render|poster|mock-?up|candidate|choice|sample|attempt|iteration|proposal|direction|variation|thumbnail|"
            r"exhibit)\s?#?(?P<en2>[1-9])(?=\W*$|[,.;:!?)]| (?:is|was|has|looks|with|but|and|please|pls|plz|needs|should|could|instead|again|from|of|in|for|to|on|"
            r"then|wins|works)\b)"
        ),
        r"(?<![\w.])v(?:er)?\.? ?(?P<en3>[1-5])(?![\w.])(?! (?:engine|rocket|motor))",
        r"(?P<es>\b(?:primer[oa]?|segund[oa]|tercer[oa]?|cuart[oa]|quint[oa])\b)",
    ),
    "middle": (
        r"\b(?:middle|centre|center|central|middlemost) (?:one|pic\w*|image|photo|version|option|design|concept|logo|variant|draft|sketch|poster|shot|proposal)s?\b",
        r"\b(?:one|pic\w*|image|version|option|photo|design|sketch|logo) in the (?:middle|cent(?:er|re))\b",
        r"\bmiddle (?:one )?(?:of|out of|from) (?:the|those|these)(?= (?:three|five|seven|3|5|7|lot|set|bunch|batch|row)\b|[,.:;]|$)",
        r"^\W*(?:the|use the|take the) (?:middle|centre|center)(?=\W*$|[,:])",
    ),
    "last_of": (
        r"\b(?:the )?last (?:one )?(?:of|out of|from|in) (?:the|those|these|that)(?= (?:two|three|four|five|six|[2-9]|set|batch|lot|bunch|series|group|row|pics?|pictures|images|photos|versions|options|drawings|sketches)\b|\W*$|[,.;:])",
        r"\b(?:the )?(?:last|rightmost|bottom-?most) (?:one )?(?:in|of) (?:the|that|this) (?:row|list|line|set|batch|series)\b",
        r"\bthe last of (?:them|those|these)\b",
    ),
    "first": (
        r"\bvery (?:first|frist|fisrt|1st|beginning|start|earliest|initial)(?: \w+)?",
        r"\bat the (?:very )?(?:start|beginning|outset)\b(?! (?:of|line|button|screen|gate)\b)",
        r"\b(?:one|pic\w*|image|photo|version|drawing|design|logo|picture) (?:that was )?(?:from|at|in) the (?:very )?(?:start|beginning|outset)\b",
        r"\b(?:first|initial|1st) thing (?:we|i|you|u)\b",
        r"\b(?:we|i|you|u|it all|this all|everything) (?:first )?(?:started|began|begun|kicked off|opened|set out|led)(?: off| out)?(?: with| from|(?=\W*$|[,:;]))",
        r"\bback to (?:the )?(?:very )?(?:start|beginning|outset)\b",
        r"\bfirst[- ]ever\b",
        r"\b(?:asked for|made|did|drew|requested|created|generated|gave me|showed me) (?:at )?first\b(?! (?:in|for)\b)",
        r"\b(?:we|i|you|u) (?:first|initially|originally) (?:made|did|drew|asked|had|got|created|generated|gave|showed|requested|wanted)\b",
        r"(?<!\ban )\binitial\b(?! (?:letter|cap)s?)",
        r"\bearliest\b",
        r"\b(?:the )?oldest (?:one|pic\w*|image|version|draft|picture)\b",
        r"\b(?:frist|fisrt|firts|frst|furst) (?:one|pic\w*|image|photo|version|drawing|draft)\b",
        r"\bday one (?:pic\w*|version|image)\b",
        r"de todas la primera",
        r"\b(?:at|in|from) (?:right )?(?:the )?(?:very )?(?:start|beginning|outset)\b(?! (?:of|line|button|screen|gate|up|over|again|afresh)\b)",
        r"\b(?:looked |was |were |had (?:it )?|how it \w+ |as it \w+ |like )?at first\b(?! (?:glance|sight|light|base|hand|time|day)\b)",
        r"\bopening (?:pic\w*|image|picture|shot|version|drawing|design|draft)\b",
        r"\b(?:before|without) (?:any|all|all the|all of the|all these|all those) (?:of )?(?:the |these |those |my |your )?(?:changes?|edits?|tweaks?|additions?|alterations?|modifications?)\b",
        r"\b(?:way|all the way|right) back (?:at|to|in|when)? ?(?:the )?(?:very )?(?:start|beginning|when we (?:started|began))\b",
        r"\b(?:number one|no\.? ?1|#1),? (?:the|that) (?:very )?(?:first|start)\b",
        r"\bfrom (?:your|my) (?:very )?(?:first|opening|initial) (?:message|answer|reply|response|prompt|request)\b",
    ),
    "original": (
        r"(?<!\ban )(?<!more )(?<!thing )(?<!s your )(?<!be )\boriginals?\b(?! (?:signature|artist|owner|packaging|frame on|cast|lyrics|greek|latin|character|recipe|soundtrack|sin|idea|flavou?r|song|story by|series))",
        r"\b(?:orig|origional|orginal|origianl|orignal|originial|oringinal)\b",
        r"\b(?:the|that) og\b(?! \w+s\b)",
        r"\bog (?:one|pic\w*|image|photo|version|picture|logo|design)\b",
        r"\bstart(?:ing|er)? (?:image|picture|photo|pic|point)\b",
        r"\b(?:base|source|master|input) (?:image|picture|photo|pic|file)\b",
        r"\b(?:untouched|unedited|unaltered|unmodified|unprocessed|unretouched|unfiltered|unchanged|pristine|raw) (?:one|pic\w*|image|photo|photograph|version|picture|shot|state|scan|file|original|upload)\b",
        r"\bthe (?:untouched|unedited|unaltered|unmodified|unretouched)(?=\W*$|[,:;])",
        r"\bunedited\b",
        r"\b(?:straight )?out of (?:the )?camera\b",
        r"\b(?:la|el|al|del|foto|imagen|version|esa|ese|mi) original\b|\boriginales\b",
        r"\b(?:as|how|what|way) (?:it|he|she|they|this|that) (?:originally|initially) (?:was|were|looked)\b|\b(?:original|initial)ly (?:it|he|she) (?:was|looked)\b",
    ),
    "upload": (
        (
            r"\bmy (?:own |actual |original |first |second |third |unedited |uploaded |old |other |\w+ )?(?:photos?|pics?|pictures?|photographs?|selfies?|uploads?|"
            r"snaps?|snapshots?|scans?|images?|shots?|files?|drawings?|sketch(?:es)?|doodles?|headshots?|screenshots?|attachments?|jpe?gs?|pngs?|polaroids?|"
            r"fotos?)\b(?! (?:frames?|cards?|books?|albums?|skills?|room|board))"
        ),
        (
            r"\b(?:photos?|pics?|pictures?|photographs?|selfies?|uploads?|snaps?|snapshots?|scans?|images?|shots?|files?|drawings?|sketch(?:es)?|doodles?|"
            r"headshots?|screenshots?|attachments?|jpe?gs?|pngs?|polaroids?|fotos?|sheet|one|room|reference)s? (?:that |which )?(?:i|we|i've|ive|i have|we've|i had|"
            r"i just|i originally|i first)(?: (?:just|originally|first|already|have|had))? (?:sent|uploaded|attached|shared|took|gave|posted|send|showed|provided|"
            r"submitted|dropped|pasted|supplied|snapped|shot|included|put up|handed|linked|loaded)\b"
        ),
        r"\b(?:what|the thing|the stuff) i (?:just )?(?:sent|uploaded|attached|shared|posted|provided)\b",
        r"\bi (?:sent|uploaded|attached|shared)\b(?! (?:to|it to) )",
        r"\b(?:the )?up-?loads?\b",
        r"\b(?:the |that )?attachments?\b",
        r"\b(?:photo|photograph|selfie|snapshot) (?:itself|alone|on its own)\b",
        r"\b(?:photo|pic|picture|selfie|snap|shot|image|photograph)s? of mine\b",
        r"\b(?:photo|pic|picture|shot|image|selfie) (?:from|on|off) my (?:phone|camera|gallery|camera roll|album|computer|laptop|holiday|trip)\b",
        r"\bthe (?:uploaded|attached|submitted|supplied) \w+",
        r"\b(?:mi|mis|la|las) fotos? (?:original|que (?:te |os |le )?(?:mande|envie|pase|subi|adjunte|di))",
        r"que (?:te |os |le )?(?:mande|envie|pase|subi)\b",
        r"\b(?:the|that) (?:real|actual|true|genuine|real-life|real life) (?:photo|pic|picture|photograph|image|snapshot|selfie|shot)\b(?! (?:look|feel|style))",
        r"\b(?:snap|snapshot|jpe?g|png|file|scan|screenshot|one|picture) (?:from|on|off) my (?:phone|camera|gallery|camera roll|album|computer|laptop|mobile|iphone|drive)\b",
        r"\bthe (?:camera|phone|cell phone|mobile|iphone|family|holiday|vacation) (?:pic\w*|picture|photo|shot|snap|image)\b(?! (?:frame|wallpaper|background|case))",
        r"\b(?:photo|pic|picture|image|drawing|sketch|selfie|file|one|shot) (?:that )?(?:you|u) (?:got|received|have) from me\b|\b(?:one|photo|pic|picture|shot) (?:that )?i (?:took|shot|snapped|drew|made) (?:my ?self|on my|with my|at home)\b",
    ),
    "last": (
        (
            r"\b(?:the )?(?:last|latest|newest|most recent|previous|final|current|prev|lastest|preceding) (?:one|pic\w*|images?|photos?|versions?|drafts?|render\w*|"
            r"shots?|results?|drawings?|edits?|takes?|designs?|outputs?|posters?|attempts?|tr(?:y|ies)|iterations?|sketch(?:es)?|logos?|cards?|paintings?|"
            r"gen(?:eration)?s?|variants?|variations?|options?|illustrations?|covers?|banners?|icons?|artworks?|creations?)\b"
        ),
        r"\b(?:last|latest|newest|previous) (?:thing|stuff|piece|work) (?:you|u|we) (?:made|did|drew)\b",
        r"\bthe (?:last|latest|newest)(?=[,.;:!?]|\W*$| (?:and|but|with|is|was|has|had|needs?|wants?|should|could|can|got|gets|please|pls|again|too|also|only|you|u|we|in|to|for|on|now|instead|looks?|make|add|put|give|change|turn|remove|crop)\b)",
        r"\bmost recent\b",
        r"\blatest\b",
        r"\b(?:you|u) (?:have |ve |'ve )?just (?:made|did|drew|sent|gave|showed|generated|created|posted|produced|rendered)\b",
        r"\b(?:you|u) (?:made|did|drew|sent|gave me|showed me|generated|created) (?:me )?(?:just now|a (?:moment|minute|min|second|sec) ago|most recently|last)\b",
        r"\bthe one (?:you )?just (?:made|now|did|drew)\b",
        r"\bjust now\b",
        r"\b(?:one|pic\w*|image|version|picture|photo) from (?:just now|(?:a|one) (?:moment|minute|min|second|sec) ago)\b",
        r"\b(?:one|pic\w*|image|picture|photo) (?:right |just |directly )?above(?=[,.;:!?]|\W*$)",
        r"\babove (?:image|pic\w*|picture|photo)\b",
        r"\bthis last one\b",
        r"\b(?:one )?just (?:made|generated|drawn|created)\b",
        r"\b(?:freshly|newly|recently) (?:made|generated|drawn|created) (?:one|pic\w*|image|picture|version)\b",
        r"\bde recien\b",
    ),
    "last_but": (
        r"\b(?:last|latest|final|newest) but (?P<en>one|two)\b",
        r"\b(?:second|2nd)[- ](?:(?:to|from)[- ](?:the[- ])?)?(?:last|latest|newest|end|most[- ]recent)\b",
        r"\b(?:next|one)[- ]to[- ](?:the[- ])?last\b",
        r"\bpen-?ultimate\b|\bpenultima?te?\b",
        (
            r"\b(?P<third>(?:third|3rd)[- ](?:(?:to|from)[- ](?:the[- ])?)?(?:last|latest|newest|most recent)|three (?:pic\w*|images|versions|drawings|"
            r"photos) (?:ago|back)|(?:go|going|step|roll|back) ?(?:back )?(?:two|2) (?:steps|versions|edits|changes)|(?:two|2) (?:steps|versions|edits|"
            r"changes) (?:back|ago|earlier))\b"
        ),
        (
            r"\b(?:the )?(?:one|pic\w*|image|version|picture|photo|drawing|draft|render|shot|poster|logo) (?:just |right |immediately |directly |"
            r"straight )?(?:before|prior to|preceding|b4|befor|ahead of) (?:that|this|the (?:last|latest|previous|newest|current|most recent))(?: (?:one|pic\w*|"
            r"image|version|picture|photo|drawing|draft|edit))?(?=[\s,.;:!?]|$)(?! \w+ (?:was|got|came))"
        ),
        r"\b(?:one|pic\w*|image|version|picture|photo|drawing|draft|time) before last\b",
        r"\b(?P<es>ante)?penultim[oa]s?\b",
    ),
    "previous_version": (
        r"\b(?:go(?:ing)? back|return|revert(?:ed)?|roll(?:ed)? back|step(?:ping)? back|switch back|move back|jump back|take (?:it|me|us) back|back) (?:one|a|1) (?:step|version|change|edit|stage|iteration)\b",
        r"\b(?:one|a|1) (?:step|version|edit|change|stage|iteration) (?:back|earlier|ago|before)\b",
        r"\b(?:previous|prior|earlier|preceding|prev|former|previus|previos|privious) (?:version|state|stage|iteration|draft|look|step|edit|form|incarnation|setup|styling|layout)\b",
        r"\bthe old (?:version|look|state|layout|setup)\b",
        r"\b(?:liked|preferred|want|like|prefer|bring|give me|get|miss|use|take|back to) the old one\b",
        r"\b(?:back|return|revert|rewind|roll back)(?: again)?(?: it| that| this)? to (?:the |how (?:it|that) (?:was|looked) )?(?:previous|before|prior|last|earlier|one before|prev)(?: one| version| state| draft)?\b",
        r"\bhow (?:it|he|she|that|this|they|things|everything) (?:was|were|looked|had been|used to (?:be|look))(?: like)?(?: before| previously| earlier|(?=\W*$|[,:;]))(?! (?:the|we|you|i|adding|any)\b)",
        r"\b(?:the )?way (?:it|he|she|that|this|they|things) (?:was|were|looked|had been|used to (?:be|look))(?: before| previously| earlier)?\b(?! (?:before|when) )",
        r"\b(?:as|like|what) (?:it|he|she|they|things) (?:was|were|had been|looked)(?: like)? (?:before|previously|earlier)\b(?! (?:the|we|you|i|adding|any)\b)",
        r"\b(?:put|have|leave|make|get) (?:it|him|her|them|that|this) (?:back )?(?:like|as|how) (?:it|he|she|they|that) (?:was|were)\b(?! (?:a|an|in|on|at)\b)",
        r"\bthe (?:one|version|state|look) (?:before|prior)\b(?! (?:we|you|i|the|any|it|he|she|to)\b)",
        r"\b(?:before|prior to|b4) (?:that|this|the last|my last|your last|the latest|my latest|your latest|that last|this last)(?: (?:change|edit|step|tweak|one|version|request|instruction|message|ask|move|update|modification|adjustment|round))\b",
        r"\b(?:before|prior to|b4) (?:that|this)(?=[\s,.;:!?]|$)(?! \w+ (?:was|came|got|went))",
        r"\bi (?:liked|preferred|loved|like|prefer) (?:it|him|her|that|them) (?:better |more |a lot more |way more |much better )?before\b(?! (?:the|we|you|i|adding|any)\b)",
        r"\bas (?:it|he|she|they) (?:was|were) without (?:it|that|them)\b",
        r"\bthe one (?:befor|b4|bfore)\b",
        r"\bpre-?(?:change|edit|tweak)\b",
        r"\b(?:vuelve|volver|volve|regresa|regresar)(?: a la)? (?:anterior|previa|atras)\b",
        r"\b(?:go|step|roll|jump|move|take (?:it|us|me)) back one\b",
        (
            r"\b(?:the )?(?:previous|earlier|prior|old|prev|preceding) (?:one|pic\w*|image|picture|design|drawing|take|try|attempt) (?:was|is|looked|looks|had been|"
            r"worked|works) (?:way |much |a lot |so much |far |actually |honestly |clearly )?(?:better|nicer|best|prettier|cuter|cooler|stronger|preferable|fine|"
            r"good|closer)\b"
        ),
        r"\b(?:prefer(?:red)?|liked|loved) (?:the )?(?:previous|earlier|prior|old) (?:one|pic\w*|image|picture|design|look)(?: (?:more|better|a lot more))?\b",
        r"\b(?:as|like|how) (?:it|he|she|they|that|this) (?:was|were|looked) (?:a (?:moment|minute|second|sec) ago|one (?:step|edit|change) ago|just before|right before|the last time|last time)\b",
    ),
    "before": (
        (
            r"(?<!stand )(?<!stands )(?<!standing )(?<!kneel )(?<!kneels )(?<!kneeling )(?<!bow )(?<!bows )(?<!bowing )(?<!sitting )(?<!posing )(?<!dancing )(?<!calm )(?<!night )(?<!shortly )(?<!bowed )(?<!knelt )\b(?:just |"
            r"right |from |straight |immediately )?befor?e? (?=(?:the|we|i|you|u|it|he|she|any|adding|putting|making|changing|removing|giving|switching|swapping|"
            r"replacing|cropping|painting|recolou?ring|turning|editing|taking|writing|his|her|my|your|all|they|their|its|there|those|anything|everything|winter|"
            r"summer|autumn|spring|night)\b)(?!(?:you|u|we|i) (?:go|do|start|continue|begin|finish|move on|forget|make any|get|leave|send|print|ask|say|"
            r"proceed)\b)(?!(?:the|an) (?:altar|mirror|throne|camera|crowd|judge|gods?|jury|hearth|cross|audience|finish line)\b)(?P<en>[^,.;:!?]+?)(?= and\b|"
            r" but\b| then\b|[,.;:!?]|$)"
        ),
        r"\b(?:b4|bfore|prior to|until) (?=(?:the|we|you|u|adding|putting|making|changing|removing|giving|switching|swapping|replacing|cropping|painting|recolou?ring|turning|editing|taking|writing|any)\b)(?P<en2>[^,.;:!?]+?)(?= and\b| but\b| then\b|[,.;:!?]|$)",
    ),
    "the_one": (
        r"\bthe (?:one|pic\w*|image|version|drawing|state|stage|attempt|poster|logo|portrait|shot|photo|cover|card|render)s? (?:with|w/?|that|which|where|when|in which|wearing|holding|having|of|from|in|on|without|who|showing|saying|featuring)\s(?P<en>[^,.;:!?]+)",
        r"\b(?:the|that|my|in) (?P<en2>(?:(?!the |and |with |for |to |on |in |of |from )[\w'-]+ ){1,4}?)(?:one|version|pic(?:ture)?|image|photo|poster|logo|render|variant|option|draft|card|banner|page|panel|portrait|crop|shot|cover|design|mockup|sticker|drawing|sketch|label|icon)s?\b",
        r"\b(?P<en3>[\w'-]+) (?:one|pic|version)\b",
        r"\b(?:the|that) (?:one|pic\w*|image|version|photo|picture)s? (?:at|by|near|under|behind|inside|beside|whose|looking|standing|sitting|sleeping|eating|flying|running|playing|smiling|carrying|using|reading|dancing|riding|facing|called|named|titled|has|that's|thats|she's|he's|w/) ?(?P<en4>[^,.;:!?]+)",
        (
            r"\b(?:the|that) (?:painting|illustration|sketch|design|icon|sticker|banner|label|page|panel|mock-?up|scene|draft|variant|option|take|concept|avatar|"
            r"pfp|wallpaper|selfie|snap|edit|iteration)s? (?:with|w/|that (?:has|had|says|shows)|which|where|in which|without|wearing|holding|having|showing|saying|"
            r"featuring)\s(?P<en5>[^,.;:!?]+)"
        ),
        r"^\W*(?:(?:ok|now|and|in|on|for|use|take|to|edit)\b[, ]*){0,3}(?:one|pic|version) (?:with|w/|where|that has) (?P<en6>the [^,.;:!?]+)",
        r"\b(?:the|that|my) (?P<en7>(?:(?!the |and |with |for |to |on |in |of |from )[\w'-]+ ){1,3}?)(?:painting|illustration|avatar|pfp|wallpaper|concept|iteration|thumbnail|proposal|attempt|artwork)s?\b",
        (
            r"^\W*(?:(?:and|now|ok|okay|so|then|please|pls|no|sorry|actually|hm+|use|take|in|on|for|with|from|to|at|go|back|go with|grab|edit|change|show|me|let|"
            r"see|look|return|bring|pick|choose|start|continue|work|could|can|you|u|i|want|need|prefer(?:red)?|like[d]?|rather|let's|again|only|just|make|turn|of|"
            r"another|one more)\b[,: ]*){0,7}(?:the|that|my|your) (?P<en8>(?:(?!the |and |with |for |to |on |in |of |from )[\w'-]+ ){1,3}?(?:without|w/o|sans|minus|"
            r"with no|who has no|that has no|which has no|that had no|who had no|when (?:he|she|it|they) had no|when there (?:was|were) no|that doesn't have|"
            r"who doesn't have|before) (?:the |a |an |any |his |her |its )?(?:[\w'-]+ ?){1,3}?)(?=\W*$|[,.:;]| (?:and|but|again|once more|then|make|add|put|give|"
            r"should|needs?|please|i'd|i want|let's|gets|could|can)\b)(?!\W*$)"
        ),
        (
            r"(?:^|[,.;!] |\b(?:show me|let me see|look at|back to|return to|use|take|go with|bring back|i want|i meant|i mean|bring up|pull up) )(?:the|that|"
            r"my) (?P<en9>(?:(?!the |and |with |for |to |on |in |of |from )[\w'-]+ ){1,3}?(?:without|w/o|sans|minus|with no|who has no|that has no|which has no|"
            r"that had no|who had no|when (?:he|she|it|they) had no|when there (?:was|were) no|that doesn't have|who doesn't have|before) (?:the |a |an |any |his |"
            r"her |its )?(?:[\w'-]+ ?){1,2}?)(?=\W*$)"
        ),
        r"\bwithout (?P<en10>(?:the |a |an |his |her |its |any )?[\w' -]{2,24}?),? (?:it|he|she|they|that|this) (?:was|were|looked|looks|worked) (?:way |much |so much |a lot |far |actually |honestly )?(?:better|nicer|best|prettier|cuter|cooler|fine|good|perfect|stronger)\b",
        r"\b(?:liked|preferred|like|prefer|loved) (?:it|him|her|them|that|this)(?: better| more| a lot more| much better)? without (?P<en11>(?:the |a |an |his |her |its |any )?[\w' -]{2,24}?)(?=\W*$|[,.;!]| (?:and|so|can|please)\b)",
        r"\b(?:where|when) (?:he|she|it|they|there)(?:'s| is| was| were| are| had| has)? (?P<en12>(?:only|just|nothing but|still|no) [^,.;:!?]{2,40})(?=[,:])",
        r"\bwhen (?:it|he|she|they|there|we) (?:still )?(?:had|wore|was|were|held) (?:still )?(?P<en13>(?!good|better|just|only|no\b)(?:the |a |an )?[^,.;:!?]{2,30}?)(?=[,.;:!?]| and\b| but\b|$)",
    ),
    "of_several": (
        (
            r"(?<!each )(?<!all )(?<!both )(?<!out )(?<!strip )(?<!comic )(?<!collage )(?<!page )\b(?:of|"
            r"(?<!strip )(?<!comic )(?<!collage )(?<!page )(?<!poster )(?<!card )(?<!story )out of|from|among|in) (?:the|those|these|my|all|your)?\s?(?:last |"
            r"first |newest |latest )?(?:two|three|four|five|six|[2-6]|set|batch|lot|bunch|group|pack|series|trio|row)\b"
        ),
    ),
    "earlier_of": (
        r"\b(?:the )?(?:earlier|former|older|first) (?:one )?of (?:the|those|these|both)(?: two| pair| last two)?\b(?= two| pair|\W*$|[,;:])",
        r"\b(?:the )?(?:earlier|former|older|first) (?:one )?of (?:the|those|these) (?:last )?two\b",
        r"\bthe earlier (?:one|pic\w*|image|picture)\b",
        r"\bthe former(?=[,.;:!?]|\W*$| (?:one|is|was|and|but|please|needs|should|with|has|looks|gets|wins)\b)",
    ),
    "later_of": (
        r"\b(?:the )?(?:later|latter|newer|second) (?:one )?of (?:the|those|these) (?:last )?two\b",
        r"\bthe (?:later|newer) (?:one|pic\w*|image|picture|version)\b",
        r"\bthe latter(?=[,.;:!?]|\W*$| (?:one|is|was|and|but|please|needs|should|with|has|looks|gets|wins)\b)",
    ),
    "here": (
        r"\bthis (?:one|pic\w*|image|version|poster|logo|card|drawing|photo)\b",
        r"\bhere\b",
        r"\b(?:this|dis) (?:icon|banner|label|design|sketch|painting|scene|shot|selfie|portrait|edit|draft|panel|cover|sticker|avatar|mock-?up|room|render)\b",
    ),
    "both": (
        (
            r"\b(?:both|boths|bof|boht)\b(?! (?:of )?(?:his |her |its |their |the |my |your )?(?:"
            + _PARTS
            + r")\b)(?! (?:an? )?\w+ and \w+ colou?rs)"
        ),
        (r"\b(?:the|those|these|them|my|that|em) (?:two|2)\b(?! (?:of )?(?:\w+ )?(?:" + _PARTS + r")\b)(?! of us)"),
        r"\b(?:two|2) of (?:them|these|those)\b",
        (
            r"(?<!on )\ball (?:of )?(?:the )?(?:two|three|four|five|six|2|3|4|5|6|of (?:them|these|those|'?em))\b(?! (?:\w+ )?(?:"
            + _PARTS
            + r")\b)"
        ),
        r"\ball (?:of )?(?:the|my|these|those|our|your) (?:\w+ )?(?:pics|pictures|images|photos|versions|drawings|designs|options|variants|drafts|renders|logos|posters)\b",
        r"\bevery (?:one|single one|last one|pic|picture|image|photo|version)\b",
        (
            r"\beach (?:one|pic|picture|image|photo|version|of (?:them|these|those|the(?= (?:\w+ )?(?:two|three|four|five|six|[2-6]|pic\w*|images|photos|versions|"
            r"drawings|logos|options|designs|posters|variants|cards|ones|drafts|sketches|portraits)\b)))\b(?! (?:\w+ )?(?:"
            + _PARTS
            + r")\b)"
        ),
        r"\bthe (?:three|four|five|3|4|5) of (?:them|these|those)\b",
        (r"\b(?:those|these) (?:three|four|3|4)\b(?! (?:\w+ )?(?:" + _PARTS + r")\b)"),
        r"\bthe pair\b(?! of (?!them|these|those|pic|image|photo))",
        r"\bthe (?:whole|entire|full) (?:set|batch|lot|bunch|series)\b",
        r"\bdo the lot\b",
        r"\beverything (?:we|you|u)(?:'ve| have)? (?:made|did|drew)\b",
        r"\bthe (?:two|three|four|five|six) (?:\w+ ){0,3}(?:ones|pictures|versions|images|photos|cards|shots|portraits|men|animals|dishes|drawings|icons)\b",
        r"\beither\b(?! (?:way|side|end|hand)\b)",
        r"\b(?:l[oa]s|es[oa]s|est[oa]s) (?:dos|tres|cuatro)\b",
        r"\btod[oa]s(?: ell[oa]s)?\b",
        r"\b(?:them|these|those|em|'em) (?:all|each)\b|\b(?:on|to|for|in|with) each(?: and every one| one| picture)?(?=\W*$|[,.;:])",
        r"\b(?:turn|make|do|give|put|convert|crop|colou?r|frame|combine|merge|with|of|take|show) the (?:whole )?lot\b(?! of)",
        r"\b(?:each|all) (?:and every )?(?:one )?(?:of )?(?:the )?(?:two|three|four|five|six)\b(?= (?:with|in|on|should|get|gets|need|needs|must|please|to|as|into|black|white|on)\b|\W*$|[,.:;])",
        r"\b(?:the |our |my )?(?:entire|complete|whole) (?:collection|series|row|family of \w+)\b",
    ),
    "other": (
        (
            r"(?<!each )(?<!every )(?<!any )(?<!some )(?<!no )(?<!many )(?<!among )\bother\b(?! (?:people|than|way|words|stuff|things?|(?:"
            + _PARTS
            + r")|half|day|colou?rs?)\b)"
        ),
        r"\bremaining\b(?! (?:space|area|room|hair|background|text|letters)\b)",
        r"(?<!keep )(?<!leave )(?<!and )\bthe rest\b(?! (?:of (?:the|his|her|its|my|it|this) (?!pic|images|photos|versions|set|batch)|as|stays?|unchanged|the same|alone|can stay|should stay))",
        r"\bothers\b",
        r"\bothr (?:one|pic|version)\b",
        (
            r"\b(?:all|every(?:thing| ?one| single one| picture| image| logo| version| option)?|any)(?: (?:of (?:them|these|those)|the (?:ones|pictures|logos|"
            r"images|others)))?,? (?:but|except(?: for)?|apart from|bar|save(?: for)?|other than|besides|excluding|minus) (?:the )?(?:first|second|third|fourth|"
            r"last|latest|newest|oldest|original|middle|1st|2nd|3rd|4th|number|no\.?|nr\.?|#|option|version|logo|one (?:with|that|where|in)|left|right|top|bottom)"
        ),
        r"\b(?:the )?(?:ones|two|three|pair) (?:that are |that's )?(?:left|left over|remaining|i (?:did ?n[o']?t|haven'?t) (?:pick|mention|choose|name)\w*)\b(?! (?:of|side|hand))",
    ),
    "them": (
        r"\b(?:them|they|'em|em|these|those)\b",
        r"\bell[oa]s\b",
    ),
    "thanks": (
        (
            r"\b(?:thanks|thanx|thnx|thx|thks|tks|tnx|thnks|tanks|tysm|tyvm|ty|thankyou|thanku|thank (?:you|u|ya|god|goodness)|thank-you)\b(?![- ](?:"
            + _KEEPSAKES
            + r")\b)(?! giving)"
        ),
        (r"(?<!three )\bcheers\b(?! (?:" + _KEEPSAKES + r")\b)"),
        r"(?:^|[,.!] ?)\W*ta\b(?!-| da)(?: (?:muchly|very much|mate|love))?",
        r"\b(?:much|greatly|really|very) appreciated\b",
        r"\b(?:much obliged|big props|kudos|bless (?:you|u|ur|your)|god bless)\b",
        r"\bappreciate (?:it|you|that|this|ur|your|the)\b",
        r"\b(?:you'?re|u'?re|ur|you are|u r) (?:just |really |simply |truly |absolutely |so )?(?:the best|great|amazing|awesome|brilliant|a (?:star|legend|gem|genius|lifesaver|life saver|magician|wizard|hero|godsend)|an? (?:absolute )?(?:angel|artist|star|legend|gem))\b",
        r"\b(?:you|u) (?:rock|rule|made my (?:day|week|month|year|evening))\b|\bnailed it\b",
        (
            r"^\W*(?:ok(?:ay)? |well |right |alright )?(?:good)?(?:bye+|night)\b(?! (?:"
            + _KEEPSAKES
            + r")\b)(?: bye| all| now| then)?(?=\W*$|[,.!])"
        ),
        (r"\b(?:bye|goodbye|good night|good bye)\b(?! (?:" + _KEEPSAKES + r")\b)"),
        r"\b(?:see (?:you|ya|u)|cya|ttyl|take care|have a (?:nice|good|great|lovely) (?:day|one|evening|weekend|night))\b",
        r"\b(?:that'?s|that is|that'?ll be|that will be|thats) (?:all|everything|it) (?:for (?:now|today|me)|i need(?:ed)?|thanks?)\b",
        r"\ball (?:good|done|set) (?:for (?:today|now|tonight)|here|thanks)\b",
        r"\b(?:i'?m|we'?re|im) (?:all )?(?:done|finished|good|set|sorted) (?:for (?:now|today)|here|now|thanks)\b",
        r"\badios\b",
        r"\bhasta luego\b",
    ),
    "praise": (
        (
            r"\b(?:that|this|it|these|those|they|she|he|everything|all)(?:'s|s|'re| is| are| was| looks?| came out| turned out| worked out| feels?|"
            r" works?) (?:(?:just|exactly|precisely|really|so|very|absolutely|pretty|super|truly|simply|all|actually|quite|already|even|totally|freaking|fucking|"
            r"looking|sooo*|kinda|honestly|literally) ){0,3}(?:great|good|nice|perfect|lovely|beautiful|cool|awesome|amazing|fantastic|brilliant|excellent|"
            r"wonderful|gorgeous|stunning|superb|terrific|incredible|magnificent|marvell?ous|splendid|fabulous|fab|adorable|cute|hilarious|funny|fire|sick|lit|dope|"
            r"insane|epic|rad|neat|iconic|impressive|outstanding|spot on|bang on|on point|so pretty|pretty|delightful|charming|exquisite|ace|top|class|chef'?s kiss|"
            r"a masterpiece|a banger|the best|unreal|wicked|phenomenal|sublime|divine|ideal|magic|magical|mint|much better|way better|better|a lot better|"
            r"more like it|it|the one(?! (?:with|that|from|in|where))|great work|everything|exactly (?:it|right|what i (?:wanted|meant|needed))|what (?:i|"
            r"we) (?:wanted|meant|needed|had in mind|was after|were after|was looking for|imagined|pictured|was hoping for)|how (?:i|we) (?:imagined|pictured|"
            r"wanted)(?: it)?|a keeper|perfection|beyond perfect|hard to beat)(?: (?:now|already|as it is|like (?:this|that)|tbh|lol|indeed))?(?=\W|$)(?! (?:than|"
            r"if|with|when|in|on|at|for|to)\b)"
        ),
        r"\b(?:exactly|just|precisely) (?:what|how|as) (?:i|we) (?:wanted|needed|had in mind|was looking for|were looking for|meant|imagined|hoped for|pictured|envisioned)(?: it)?\b",
        (
            r"\b(?:he|she|they|everyone|everybody|my \w+|we|the kids)(?:'ll| will|ll| is going to| are going to|'s gonna| gonna) (?:all |so |totally |really |"
            r"absolutely )?(?:love|adore|like|be (?:so |very |really )?(?:happy|thrilled|delighted|pleased)(?: with| about)?) (?:it|this|these|them|that|those|him|"
            r"her)?(?=\W|$)"
        ),
        r"\bi (?:really |absolutely |just |so |totally |do )?(?:love|adore|dig) (?:it|this|that|these|them|those)(?=\W*$|[,.!;])",
        r"\b(?:you|u)(?:'ve| have)? (?:did|done) (?:a |an )?(?:really |very )?(?:great|good|amazing|fantastic|nice|excellent|wonderful|awesome|brilliant) (?:job|work)\b",
        r"\bworks for me\b|\blooking (?:good|great|sharp|nice|fab)\b|\bwhat an? (?:beauty|masterpiece|stunner|(?:beautiful|lovely|great|gorgeous|nice|cute|cool) (?:pic\w*|image|drawing|one|result))\b",
        r"\b(?:no|not any) (?:more|further|other|additional) (?:changes?|edits?|tweaks?|corrections?|adjustments?|questions?|wishes|requests?|pictures?|pics?|images?)(?: (?:are )?(?:needed|required|necessary|from me|from my side|please|for (?:now|today)))*",
        r"\b(?:no|not) questions(?: for now)?\b|\bnothing (?:else|more|further|to (?:add|change|complain))(?: (?:is )?(?:needed|required|to (?:change|add|do)|for (?:now|today|me)|from me|comes to mind|i can think of))*\b(?=\W*$|[,.;!])",
        r"\b(?:leave|keep) (?:it|that|this|everything)(?: all)? (?:like (?:this|that)|(?:exactly |just )?as (?:it )?is|that way|this way|the way it is|as it is now|there for now)(?=\W*$|[.!;])",
        r"\b(?:this|that)(?: one)?(?:'s| is|s) (?:a|an|the|my) (?:\w+ )?(?:keeper|winner|favou?rite|fave|masterpiece|beauty|stunner|banger|hit)\b(?=\W*$|[,.!;])",
        r"\b(?:i |we )?can(?:'?t|not) wait to (?:frame|print|show|share|hang|post|send|see|use|wear|put|give)\b[^,.;!?]*",
        r"\b(?:that|this|it|you|u)(?:'s| has| have)? (?:just |really |totally )?(?:made|makes|brightened) (?:my|our|her|his|their) (?:day|week|month|year|evening|night|morning)\b",
        r"\b(?:i |we )?(?:did ?n[o']?t|did not|never) (?:see|expect|think|imagine) (?:that|this|it)(?: coming| would (?:work|be (?:this|so) \w+)| to (?:work|turn out) \w*)?(?=\W*$|[,.!;])",
        r"\b(?:you|u) (?:really |totally |absolutely )?(?:get|got|understand|understood|nailed|killed|smashed|crushed) (?:me|it|this|that)\b|\bhow do (?:you|u) (?:even )?do (?:it|this|that)\b",
        r"\b(?:very |really |so )?well done\b|\b(?:good|great|nice|excellent|amazing|awesome|super|top|solid|lovely) (?:job|work|stuff|one)\b(?:,? (?:buddy|mate|man|bro|pal|there|guys|team|everyone|my friend|bot))?",
        r"\bcould(?:n'?t| not) be (?:better|happier|prettier|more perfect|more pleased)\b|\b(?:not|isn't) (?:too |that |so |half )?(?:bad|shabby)(?: at all)?(?=\W*$|[,.!;])",
        r"\b(?:fine|ok|okay|good|great|perfect|works) (?:by|with|for) (?:me|us)\b|^\W*(?:approved|agreed|accepted|sold|deal|bingo|voila|tadaa*|no notes|enough said)(?=\W*$|[,.!])|\bwe have a winner\b",
        r"\b(?:that|this|it) (?:was|is) (?:quick|fast|easy|fun|unexpected|surprising|a surprise|super quick|really fast|so fast)\b(?=\W*$|[,.!;])",
        r"\b(?:i )?(?:never|did ?n[o']?t|would(?:n'?t| not) have|would never have) (?:thought|expected|guessed|believed|imagined|dreamed)\b[^,.;!?]*",
        (
            r"\b(?:we|they|i|my \w+|everyone|everybody|the (?:kids|boss|client|team|family))(?:'ve| have| has)?(?: both| all)? (?:really |absolutely |just |so |"
            r"totally )?(?:love[sd]?|adored?|approved?(?: of)?|agreed?(?: on)?|voted for|chose|picked|went with|settled on|decided on) (?:it|this(?: one)?|"
            r"that(?: one)?|these|them|him|her)(?=\W*$|[,.!;])"
        ),
        r"\b(?:buddy|bro|pal|dude|mate|my friend)(?=\W*$)",
        (
            r"\b(?:he he(?: he)?|ha ha(?: ha)?|hi hi|tee hee|sounds (?:good|great|perfect|lovely|fine|like a plan)|makes sense|fair enough|no (?:worries|problem|"
            r"prob|probs|stress|rush)|understood|noted|roger(?: that)?|ok(?:ay)?|okey|okie|oki|okey dokey|k|kk|ace|great|nice|perfect|lovely|beautiful|cool|awesome|"
            r"amazing|love (?:it|this|that|these|her|him|them)|loving (?:it|this)|haha+|hehe+|lo+l|lmf?ao+|rofl|xd|omf?g|wow+|whoa+|woah+|yay+|woo+hoo+|yes+|yess+|"
            r"yass+|yeah|yep|yup|yea|yah|yum|so (?:good|cute|funny|cool|pretty)|cute|wonderful|brilliant|excellent|good|very good|sweet|fantastic|gorgeous|stunning|"
            r"superb|terrific|incredible|magnificent|fab|fabulous|impressive|adorable|dope|spot on|aww+|oo+h|ooo+|aha|ah+|hm+|um+|uh+|well|alright|alrighty|"
            r"all right|righto|sorry|wait|actually|no|nope|nah|ugh|meh|eh|hello|hi|hey|good (?:morning|evening|afternoon)|yo|so|sure|fine|got it|i see|gotcha|tbh|"
            r"honestly|ikr|damn|dang|jeez|geez|gosh|oh my(?: god| gosh| days)?|holy (?:cow|moly|shit|smokes)|oops|whoops|chef'?s kiss|well done|(?:good|great|nice|"
            r"excellent|amazing|awesome|super|top) (?:job|work|stuff|one)|bravo|congrats|exactly|precisely)\b"
        ),
    ),
    "wh": (
        r"^\W*(?:hey |so |ok |btw )?do (?!(?:it|this|that|the|them|both|an?|all|not|some|my|his|her|another|one|two|more)\b)\w+ (?:usually |really |ever )?(?:suit|look|need|have|fit|match|like|work|hurt|wear|mean|count)\b",
        (
            r"^\W*(?:"
            + _OPENERS
            + r"\b[^?!.]{0,40}?[,: ]\s*|(?:in|on|of|between|from|at|for|with)\b[^?!.]{0,40}?[,: ]\s*)?(?:what(?:'?s|'?re)?(?! an?\b| the (?:hell|heck)| (?:i|"
            r"we)(?:'d)? (?:want|need|like|would like|uploaded|sent|attached|shared|had|have (?:here|now))\b| (?:it|he|she) was before\b)|wha?t'?s|when'?s|wot|"
            r"waht(?:'?s)?|wats|wat(?= (?:is|are|does|do|colou?r|time))|wut|which|wich|whcih|who(?:'?s|se)?(?= )|where(?:'?s)?(?= (?:is|are|was|were|did|do|does|"
            r"has|have|can|would|could|exactly|in|on|am|the|my|his|her|that|it)\b)|where'?s|when (?:did|do|does|will|is|was|were|are|can|should|have|would)|why|"
            r"how(?:'?s|'?d)?(?= (?:many|much|is|are|was|were|do|does|did|can|could|would|should|long|old|tall|big|far|come|high|wide|deep|often|large|small|heavy|"
            r"likely|exactly|good|bad|well|sharp|clear|dark|bright|the|my|his|her|it|that)\b)(?! (?:it|that|he|she|they) (?:was|were|looked)\b))(?!\w)"
        ),
        (
            r"^\W*(?:"
            + _OPENERS
            + r"\b[^?!.]{0,40}?[,: ]\s*|(?:in|on|of|between|from|at|for|with)\b[^?!.]{1,40}?[,:]\s*|(?:in|on|of|between|"
            r"from)\b[^?!.,:]{1,40}? (?=[^.!]{2,80}\?))?(?:is (?:it|that|this|the|there|he|she|his|her|my|any\w*|every\w*|your|their|its)|is [\w.]+ or [\w.]+|"
            r"are (?:the|they|there|these|those|we|you|my|his|her|any|all|both|your|our|their)|was (?:it|that|this|the|there|he|she|his|her|my|any\w*)|were (?:the|"
            r"they|there|these|those|his|her|any|my|we|you)|was|were|does|do (?:i|you|we|they|u|people|ppl|\w+ (?:tattoos|cats|dogs))|did(?! (?:not|n'?t)\b)|"
            r"has (?:it|he|she|the|this|that|his|her|any\w*|my)|have (?:you|we|they|i|any|u)|have (?:the|his|her|its|my|their|both|those|"
            r"these) (?:[\w'-]+ ){0,2}(?:been|changed|gotten|become|turned|moved|come|stayed|always|disappeared|vanished|shifted)|can (?:you|u|ya|anyone|one|"
            r"people) (?:still |even |also |actually |please |pls )?(?:see|tell|read|make out|spot|recogni[sz]e|count|identify|describe|guess|explain|name|find any|"
            r"notice)|can i see any|any (?:idea|damage|chance|clue|thoughts|advice|tips)|isn't|aren't|doesn't|isnt|arent|doesnt|wasn't|didn't|didnt|am i|"
            r"would you say|describe|explain)\b"
        ),
        r"^\W*(?:(?:so|and|but|ok|hm+|wait)\b[, ]*){0,2}do (?:the|his|her|its|their|those|these|my) [\w' -]{2,26}? (?:look|fit|match|go|show|seem|read|touch|have|need|work|point|face|clash|stand out|belong|appear|come|mean|count|make sense)\b",
        r"^\W*(?:(?:so|and|but|ok|hm+|wait)\b[, ]*){0,2}any(?:thing|one|body|where)\b(?! (?:but|you like|goes|is fine|will do|works))",
        r"^\W*(?:(?:so|and|but|ok|hm+|wait)\b[, ]*){0,2}any (?:[\w'-]+ ){1,4}(?:on|in|at|behind|under|left|there|visible|missing|around|to be seen|near|beside|inside)\b[^.!]*\?",
        r"^\W*(?:is|are|was|were) (?:one|two|either|some|all|most|half|none|everyone|someone|anyone|those|these) (?:of )?\w+",
    ),
    "inside": (
        r"\b(?:what|which|who|whose|where|why|how many|how much|how|is|are|was|were|does|did|has|right|or|u can see|you can see|can you see|if (?:his|her|the|it|they|there))\b",
    ),
    "asking": (
        r"[,;] (?:is (?:that|this|it|there)|which \w+ (?:is|are|has|does)|what(?:'s| is| are| does)|how many|where(?:'s| is)) [^,.!;]{1,60}$",
        r"\b(?:isn'?t (?:it|he|she|that|there)|aren'?t (?:they|those|there)|innit|doesn'?t (?:it|he|she)|wasn'?t it|didn'?t (?:it|we|you|he|she))\s*\?+\W*$",
        (
            r"\b(?:i wonder|wondering|just curious|i'?m curious|do (?:you|u) know|any idea|remind me|let me know|could (?:you|u) tell me|can (?:you|u) tell me|"
            r"i'?d like to know|idk|no idea|dunno|mind telling me|can'?t (?:tell|see|remember|make out|figure out)|don'?t (?:know|remember)|not sure) (?:what|which|"
            r"who|whose|where|why|how (?:many|much|long|old|big|it|tall|come))\b"
        ),
        r"\b(?:can'?t (?:tell|see|make out|figure out)|let me know|tell me|curious|wanna know|want to know|would like to know|like to know|need to know) (?:if|whether)\b",
        r"^\W*¿",
        r"^\W*(?:cual|cuant[oa]s|que) ",
        (
            r"[,;:-] (?:(?:is|was) (?:he|she|it|they)|are (?:they|those|these|there|we)|does (?:it|he|she|that|this)|do (?:they|those|these)|did (?:you|u|it|he|"
            r"she)|has (?:it|he|she)|can (?:you|u) (?:see|tell|read)|who(?:'s| is)|why|how (?:old|big|tall|many|much)|what \w+ (?:is|are|was)|what's|which) [^,.!;]{0,60}$"
        ),
        r"\b(?:right|correct|yes|no|ok|yeah|eh|huh)\?+\W*$",
        r"\b(?:am i (?:right|seeing)|is it just me|or am i|or is (?:that|it|this|he|she|there)|or are (?:those|they|these))\b",
        r"\b(?:i'?d love|love|dying|like|keen|curious|eager|itching) to (?:know|find out|learn) (?:what|which|who|where|why|how|if|whether)\b",
        r"\b(?:can'?t|cannot|could ?n'?t) (?:quite |really )?(?:tell|see|make out|figure out|work out|read) (?:what|which|who|where|if|whether|how)\b",
        r"\b(?:can'?t|cannot|could ?n'?t) (?:quite |really )?(?:make out|read|tell|recogni[sz]e|see|find|spot)\b[^.!?]{0,50}, ?(?:can|could|do|would) (?:you|u)\W*$",
    ),
    "polite_en": (
        (
            r"(?:^|[.!?,;:…]|\b(?:and|but|then|so|ok|now|please|hey|hi|also|u|actually|maybe|perhaps|pls)\b)\s*(?!(?:what|which|how|where|who|why|"
            r"when)\b)(?:\w+,? ){0,2}?(?<!how )(?<!what )(?<!which )(?<!where )(?<!why )(?:can|could|would|will|may|might|shall|should|cud|cld|wld)(?:n'?t)? (?:you|"
            r"u|ya|we|i|it|he|she|they|this|that|there|the [\w' -]{2,40}?|her \w+|his \w+|its \w+|their \w+|my \w+)\s(?:please |maybe |perhaps |also |just |"
            r"possibly |now |not |even |at least |have |be |get |still |try |kindly )*(?P<verb>(?!(?:(?:give|write|draft|suggest|make|get)(?: me| us)? (?:an?|the|"
            r"some|one) (?:\w+ ){0,2}(?:captions?|descriptions?|alt|summary)|pass|please|maybe|perhaps|also|just|possibly|now|not|even|at|have|be|get|still|try|"
            r"kindly|make out|remind|confirm|check|compare|translate|transcribe|rate|list|find any|verify|review|analy[sz]e|estimate|judge|critique|figure)\b)\w+)"
        ),
        r"\bi (?:was |am |'m )?(?:just )?wonder(?:ing)? (?:if|whether) (?:you|u|we|it|there|i|the \w+) (?:can|could|would|might|should|may)\b",
        r"\bi (?:was )?wonder(?:ing)? (?:if|whether)\b",
        r"\bwould it be (?:possible|okay|ok|fine|feasible|doable|alright|too (?:much|hard)(?: trouble)?) (?:for (?:you|u) )?to (?P<verb2>\w+)",
        r"\bis (?:it (?:possible|ok|okay|doable)|there (?:any|a|some) (?:way|chance|possibility)) (?:for (?:you|u) |(?:you|u|we) (?:can|could) |(?:that )?(?:you|u|we) )?(?:to |could |can )?(?P<verb3>\w+)",
        r"\b(?:what if|how about|what about|why not|why don'?t (?:we|you|u)|what abt|how abt|hows about|do you mind|would you mind|you mind|mind if|care to)\b(?! the ratio)",
        r"^\W*(?:ok |and |please |hey |would you )?mind \w+ing\b",
        r"\b(?:any chance|any way|is there a way) (?:(?:you|u|we) (?:can|could|would)|of (?:getting|having|making|adding|a|an|you|removing|changing)|to (?:make|get|add|have|remove|change|put|fix|turn))",
        r"\b(?:are|r) (?:you|u) able to (?!see|tell|read|make out|spot)\b",
        r"\b(?:do )?(?:you|u) think (?:you|u|we) (?:can|could|might)\b",
        r"\b(?:what|how) (?:would|will|wd) (?:it|he|she|they|this|that|the [\w' -]{2,30}?|my \w+|his \w+|her \w+) look(?: like)? (?:with|without|in|if|as|on)\b",
        r"\b(?:wouldn'?t it (?:be|look)|would it (?:be|look) (?:better|nicer|cooler|good|nice)|might be (?:nice|better|good|cool)|would be (?:nice|better|good|cool|great)) (?:nicer |better |good |cool |nice )?(?:if|to|with|without|as)\b",
        r"\b(?:can|could|cn) (?:it|this|that|he|she|they|the \w+) (?:also |maybe |please )?(?:be|have|get|wear|hold|look)\b(?! (?:a real|considered|seen))",
    ),
    "meta": (
        r"\bhow many (?:\w+ ){0,2}(?:pics?|pictures?|images?|photos?|versions?|drawings?|logos?|posters?|ones|generations|edits|tries|turns|credits|uploads|attempts|variations?|have (?:we|you)|did (?:we|you)|do we|(?:\w+ )?(?:have|did) (?:we|you))\b(?! (?:are|is|were|does|do) (?:on|in|there (?:on|in)))",
        r"\bhow many (?:did|have|do|are|more can|can) (?:we|you|i|u|left)\b",
        r"\bhow much (?:does|do|is|would|will|did|for|to|are|longer|credits?|time|memory|space|storage)\b|\bhow much\W*$",
        r"\bhow long\b(?! (?:is|are|was|were) (?:the|his|her|its|their|my|that|this))",
        r"\bdpi\b|\bsvg\b|dpi",
        r"\bfile (?:format|size|type|extension)\b",
        r"\b(?:do|would) (?:people|ppl|most people|folks)\b",
        (
            r"\b(?:which|what|whats|what's|wats) (?:\w+ ){0,3}?(?:ratio|aspect|format|size|resolution|res|proportions?|paper|file|dpi|bleed|font|typeface|"
            r"dimensions|model|language|software|price|cost|app|program|printer|size|limit)\b(?! (?:is|are|was|did|does) (?:on|in|used|that|this|written|his|her|"
            r"the|it\b(?! better)))"
        ),
        r"\b(?:png|jpe?g|pdf|webp|gif|tiff?|svg|rgb|cmyk)\b.{0,12}\b(?:png|jpe?g|pdf|webp|gif|tiff?|svg|rgb|cmyk)\b",
        (
            r"\bcan (?:one|i|we|they|people) (?:legally |also |actually |even )?(?:print|use|sell|have|post|put|order|upload|download|export|share|save|publish|"
            r"copyright|trademark|do (?:videos?|animations?|gifs?|3d)|make (?:videos?|gifs?|animations?))\b(?! (?:a|an|the|some|him|her|it|them|more|another|"
            r"that on|this on) )"
        ),
        r"\bwhat (?:can|else can|all can|do|kind of \w+ can|sort of \w+ can|styles can|could) (?:you|u|ya)\b(?! see| make out| read| tell| spot| think)",
        r"\b(?:who|what) (?:are|r|made|built|trained|created) (?:you|u|ya)\b",
        r"\b(?:what'?s|whats|what is|do you have a) (?:your|ur|a|the) ?(?:name|limit|maximum|max|catch)\b",
        r"\b(?:are|r) (?:you|u)\b(?! able| up for| happy to)",
        r"\b(?:usually|generally|normally|typically|recommend\w*|legal|legally|allowed|copyright\w*|trademark\w*|commercial\w*|print(?:er|ing|able)?|(?:be|get|got|have|having) (?:\w+ )?printed|posts? can be|hurt|licen[cs]e|royalt\w+|watermarks?)\b",
        r"\bbest (?:for|to|way|size|format)\b",
        r"\bgood (?:for|enough for|ratio|size)\b",
        r"\bbetter (?:for|to)\b",
        r"\b(?:do|does|did|can|could|will) (?:you|u|this|it) (?:have|charge|save|keep|store|remember|know|speak|do|support|cost|offer|sell|ship|train|use)\b(?! (?:a|an|the|his|her|any|some|it|him|this|that|my|them|more|less) )",
        r"\bdo (?:you|u) (?:have|charge|save|keep|remember|know|think(?=\W*$)|speak|do)\b",
        r"\bshould (?:i|we) (?!(?:make|add|remove|put|change|try)\b)|\bshould i\b",
        r"\b(?:how|where) (?:do|can|would|should|could) (?:i|we|u|you|one) (?:\w+ )?(?:download|save|export|share|print|send|upload|pay|cancel|delete|frame|clean|cook|bake|learn)\b",
        r"\b(?:how|where) (?:do|can|would|should|could) (?:i|we|one) (?:\w+ )?(?:find|get|use|open|make|see (?:my|all|the old))\b",
        r"\b(?:is|was) (?:it|this|that) (?:free|legal|safe|ok to|okay to|allowed|private|possible to print)\b",
        r"\b(?:who owns|do i own|who has the rights|what happens (?:to|if|when))\b",
        r"\b(?:any|got any|have any|give me some) (?:tips|advice|suggestions|recommendations|recs|ideas (?:for|on|what))\b",
        r"\b(?:how|what) (?:does|do|did) (?:this|it|you|u|that) (?:work|cost|mean)\b",
        r"\bwhat'?s the difference between\b(?! (?:the|these|those|this|them|both|my|picture|image|version))",
        r"\b(?:how|what) (?:big|large|size) (?:should|can|could|do|must|would)\b",
        r"\b(?:cuant[oa]s (?:imagenes|fotos|versiones|dibujos|llevamos|yevamos|hemos|van|hicimos|tenemos)|que (?:proporcion|formato|tamano|resolucion|medida|relacion)|suele|imprimir|que sabes hacer|conviene|recomiendas)\b",
        r"\bis there (?:an?|any) (?:\w+ )?(?:limit|cap|maximum|max|fee|charge|discount|catch|app|trial|subscription|plan|quota|tutorial|manual|shortcut|undo|button|gallery|history)\b",
        r"\bwhat (?:was|were) (?:the|my) (?:very )?(?:first|last|initial|original|exact) (?:thing|request|prompt|wish|idea|message|instruction|words?)\b",
        r"\bwhat (?:did|have) i (?:first |originally |last |just )?(?:ask|say|type|request|write|tell|said|asked|typed|written)\b",
        (
            r"\bcan (?:you|u|it|this)(?: also| even| actually)? (?:make|do|create|generate|produce|handle|draw|edit) (?:\w+ )?(?:videos?|gifs?|animations?|music|"
            r"songs?|sounds?|3d(?: models?)?|comics|cartoons|anime|logos|websites|pdfs?|svgs?|vectors?|stickers|emojis|people|photos|hands|text|code|movies|clips|"
            r"other languages|maps|portraits|caricatures)(?: too| as well| also|,? right)?\W*$"
        ),
        r"\bwhere (?:do|did|are) (?:you|u) (?:get|learn|come|live|from|find|based|located)\b",
        r"\b(?:how|why) (?:do|did|does|are|can) (?:you|u) (?:do (?:that|this|it)|work|so (?:fast|good|slow|quick)|know|come up|make (?:these|them|this)|get so)\b",
        r"\b(?:what|which|whats|what's) (?:\w+ ){0,2}(?:ai|model|version of|software|program|engine|tool|service) (?:is|are|do|does) (?:this|you|u|it)\b",
        r"\bhow (?:accurate|reliable|good|safe|private|secure|expensive|fast) (?:is|are) (?:this|you|u|it|my (?:data|pictures|photos))\b",
        r"\bdoes (?:it|this|that|each|every \w+|one) (?:cost|take long|count|use up|matter)\b",
        r"\b(?:credits?|tokens?|quota|subscription|refund|invoice|privacy|gdpr|terms of (?:use|service)) (?:left|remaining|policy|for|do|are|is)\b",
        r"\bdo (?:i|we) (?:have|need) to (?:pay|register|sign|log|subscribe|credit|install|wait|ask|tip|buy)\b",
        r"\b(?:is|are) (?:my|our) (?:data|account|photos?|pictures|chat|history|uploads?|images) (?:safe|private|secure|public|stored|saved|deleted|visible|kept|used)\b",
        r"\b(?:did|have|had) (?:you|u) (?:ever |already )?(?:sleep|slept|eat|eaten|miss|enjoy|had|heard|been|seen my last|a good|have a)\b",
    ),
    "describe": (
        r"\bdescribe\b",
        r"\b(?:want|like|need) to know\b",
        r"\bi wonder (?:what|who|where|which)\b",
        r"\bwhat(?:'s| is| are| was| do you see| does| did| colou?rs?| kind| breed| sort)\b",
        r"\bcaption (?:this|it)\b",
        r"\bidentify\b",
        (
            r"^\W*(?:(?:please|pls|now|ok|okay|and|then|can (?:you|u)|could (?:you|u)|also)\b[, ]*){0,3}(?:compare|analy[sz]e|rate|critique|evaluate|judge|"
            r"translate|transcribe|explain|summari[sz]e|estimate|guess|count|review) (?:the|this|that|my|these|those|both|it|them|all|what|how|his|her|for me|which|"
            r"if|whether)\b"
        ),
        r"^\W*(?:(?:please|pls|now|ok|and)\b[, ]*){0,2}(?:read (?:me |out )?(?:the|what|aloud|it (?:out|to me))|list (?:me )?(?:all )?(?:the )?(?:colou?rs|objects|things|animals|items|people) (?:in|you|that|on|visible))\b",
        r"\b(?:tell|remind) me (?:what|which|who|whose|where|why|how many|how much|about|whether)\b",
        r"\b(?:curious|wondering) (?:what|who|where|which|how many|why)\b",
        r"\bcheck (?:if|whether)\b",
        r"\b(?:write|give|need|want|draft|come up with|suggest|get)(?: me| us)? (?:an?|some|the|one|two|three)? ?(?:\w+ ){0,2}(?:captions?|descriptions?|alt[- ]?texts?|summary|hashtags|critique|feedback) (?:for|of|about|on|to go with)\b",
        r"\b(?:your|ur) (?:opinion|view|thoughts|take|verdict) (?:on|of|about)\b",
        r"\bhelp me (?:understand|read|see|figure out|identify)\b",
    ),
    "show": (
        r"^\W*(?:and |ok |now |so )*(?:the )?(?:very )?(?:first|original|last|previous|second|third|latest)(?: \w+)? (?:again|once more)(?: please| pls| plz)?\W*$",
        r"\b(?:bring|pull|put|call) (?:it|that|this|them|her|him) (?:back )?up\b",
        r"\b(?:show|send|give|bring|pull|put|fetch|display|let|get|post|share|resend|open|gimme|call) (?:me |us |them |it |up |him |her )?(?:see )?(?:[^,.;!?]{0,60}?)(?:\bagain\b|\bonce more\b|\bone more time\b|\bback (?:up|on)\b|\bup again\b|\bto (?:me|us) again\b|\bone last time\b|\banother look\b)",
        (
            r"\b(?:show|lemme (?:see|look)|let me (?:see|look|view|have a look)|let us see|let'?s (?:see|look at|have a look)|(?:can|could|may|might) (?:i|we|u|"
            r"you) (?:please |just |quickly )?(?:see|look at|view|have a look|get a look|show|take a look)|i(?:'d| would|d) (?:like|love|want) to (?:see|look at|"
            r"view)|i (?:want|need|wanna) (?:to )?see|wanna see|show me|show us|display|pull up|bring (?:up|back)|gimme a look|(?:take|have|get) (?:a|"
            r"another) (?:second )?look at|another look at|resend|re-send|repost|send (?:me|us|(?:it |that )?back))\b"
        ),
        r"\b(?:see|look at|view) [^,.;!?]{1,50}? (?:again|once more|one more time)\b",
        (
            r"^\W*(?:(?:ok|okay|no|hm+|nah|please|pls|actually|wait|now|then|so|sorry|well|can we|can you|could you|let'?s|lets|just|i want to|i'd like to|"
            r"we should|maybe)\b[, ]*){0,4}(?:go|going|get|revert|return|switch|jump|roll|take (?:me|us|it)|reset|restore|rewind|move|back)(?: it| this| that|"
            r" everything)?(?: back)? to (?:the|how|what|my|that|number|no\.?|#|version|option|pic|image|picture) (?:(?!\b(?:and|but|then|only|except|just|plus|"
            r"instead|so|make|add)\b)[^,.;:!?]){1,60}?(?: please| pls| thanks)?[.!]*\s*$"
        ),
        r"a ver (?:otra vez|de nuevo)",
        r"^\W*(?:(?:ok|okay|now|and|hm+|so|please|pls|wait|sorry|actually|oh|ah|no)\b[, ]*){0,3}(?:the|that|my) [\w' -]{2,50}? (?:again|once more|one more time|one last time)(?:[, ]*(?:please|pls|plz|thanks))*\W*$",
        r"\b(?:remind|refresh) (?:me|us|my memory) (?:on )?(?:what|how) [^.?!]{2,60}? (?:look(?:ed|s)?(?: like)?|was|were)\b",
        r"\bwhat (?:did|does) [^.?!,]{2,60}? look(?:ed)? like(?: again| once more| before| originally| at first| back then)?\s*\?*[.! ]*(?=$|(?:can i see|can you show|could you show|show|let me see|let's see|may i see|pls show|please show))",
        r"\b(?:another|one more|one last|a second|a quick) look (?:at|back at)\b|\bhave (?:a|another) look at\b",
        r"\b(?:pull|bring|call|put|dig) (?:up|out|back) (?:the|that|my)\b|\bput (?:the|that|my) [^,.;!?]{2,40} (?:back )?(?:on(?: the)? screen|up(?:\W*$))",
        r"\bwhere(?:'s| is| did| has)[^.?!]{2,60}\b(?:gone|go|went)?[?.!] ?(?:show|let me see|let's see|can i see|bring|i want to see|i'd like to (?:see|look))\b",
    ),
    "again": (
        (
            _AGAIN_LEAD
            + r"(?:(?:try|do|make|run|generate|draw|paint|roll|have|create|render|go|spin|give|show|produce|repeat|redo|see) )?(?:(?:me|us) )?(?:it |that |this |"
            r"the same(?: one| thing)? |the whole thing )?(?:all )?(?:once |one time |over )?(?:again|more|anew|over|agin|agan|agen|agai|againn+)(?: time)?(?: for me)?"
        ),
        r"again,? (?:please|pls|again)",
        (
            _AGAIN_LEAD
            + r"(?:(?:make|generate|draw|do|paint|create|have|roll|try|render|produce) )?(?:(?:me|us) )?(?:another|anther|anotha|anoter|1 more|one more|a different|"
            r"a new|a fresh|a second|one other|an alternative|an alternate|a further)(?: one| try| go| version| take| time| attempt| shot| round| pass| variant|"
            r" variation| batch| set| stab(?: at it)?| crack(?: at it)?| spin| roll| of these| of those| of them| option| alternative| like (?:this|that|it|these|"
            r"those)| of the same)?(?: please| pls| plz)?"
        ),
        (
            _AGAIN_LEAD
            + r"re-? ?(?:do|generate|roll|run|try|draw|make|gen|paint|create|render|peat|fresh|spin|start it|genarate|generat)(?: it| that| this| that one| this one|"
            r" the (?:last (?:one)?|picture|image|pic)| everything| please)?(?: again| once more| one more time)?"
        ),
        (
            _AGAIN_LEAD
            + r"(?:give|have|take|get)(?: it| this| that| me| us)? (?:it )?(?:another|one more|a second|a new|a fresh) (?:go|try|shot|attempt|spin|crack|whirl|stab|"
            r"roll|take|pass|chance)"
        ),
        (
            _AGAIN_LEAD
            + r"(?:the )?same (?:thing |one |prompt |again )?(?:again|once more|one more time|please)|same but different|(?:do|try|run) (?:the )?same (?:thing|prompt|"
            r"one)(?: again)?"
        ),
        (
            _AGAIN_LEAD
            + r"(?:more (?:like (?:this|that|it|these|those)|of (?:these|those|them|the same|this|that)|options?|variations?|versions?|variants?|please|pls)|"
            r"something similar|a similar one|similar one|take (?:two|2)|do-?over|a do-?over|retry|try one more time|try (?:it |that |this )?(?:one more time|"
            r"once more|another time|a second time)|one more time|hit me again|run (?:it|that) back|different (?:one|version|take)|new (?:version|take|attempt|try)|"
            r"fresh (?:one|take|try|attempt)|next try|keep trying|try harder|go again|roll (?:the dice )?again|shuffle|anew|encore|variation|alternate(?: version)?|"
            r"alternative(?: version)?)"
        ),
    ),
    "again_n": (
        (
            r"(?:ok |and |now |please |just |can (?:you|u) |could you |let'?s )*(?:give me |gimme |make |make me |do |let'?s (?:see|have|do) |see |i want |i need |"
            r"i'd like |can i (?:get|have|see) |show me |generate |draw |get me |try )?(?P<en>two|three|four|five|[2-9]) (?:more|others|extra|further ones|"
            r"additional ones|new ones|more (?:of (?:them|these|those|it|this|that)|like (?:this|that|it|these|them|those)|versions?|variations?|variants?|options?|"
            r"pics?|pictures|images|tries|takes|attempts|ones))"
        ),
    ),
    "undo": (
        (
            r"\b(?:undo|udno|unod|undoo+|un-do|undu)\b(?! (?:the |his |her |its |a |my |their |your |one |two |some |that |\w+'s )(?:\w+ ){0,2}(?:"
            + _CLOTHES
            + r")\b)(?! (?:(?:"
            + _CLOTHES
            + r"))\b)(?:[,.]? (?:that|it|this)(?:'s|s| is| was| looks?) (?:way |much |just |a bit )?too \w+(?=\W*$))?(?: (?:that|it|this|the (?:last|previous|latest|"
            r"recent) (?:one|change|edit|step|thing|bit|tweak|modification|request)|your (?:last|latest) \w+|my last \w+|please|what you (?:just )?did|the change|"
            r"those changes|that (?:change|edit|one|last \w+)))?"
        ),
        r"\b(?:undue|undoing|undone) (?:that|it|the last)\b",
        r"\brevert\b(?! (?:(?:it|that|this|him|her|everything) )?(?:back )?to\b)(?: (?:that|it|this|the (?:last|previous|latest) \w+|back|that (?:change|edit)|the changes?))?",
        (r"\broll (?:it |that |this )?back(?: (?:the|that) (?:last )?(?:change|edit))?" + _UNDO_GOES_ON),
        (r"\brollback\b|\brewind(?: (?:that|it|one step))?" + _UNDO_END),
        (
            r"\btake (?:that|it|this) back"
            + _UNDO_GOES_ON
            + r"|\btake back (?:that|the last|your last|the)(?: last)? (?:change|edit|step|one|bit)\b"
        ),
        r"\b(?:ctrl|control|cmd|command|strg|apple) ?[-+]? ?z\b",
        (
            r"\b(?:scratch|nix|cancel|retract|strike|reverse|void) (?:that|this|(?:that|the|your|my) (?:last|latest|previous) (?:one|change|edit|step|bit|request|"
            r"thing|tweak|instruction|command)|that (?:change|edit|one|bit))" + _UNDO_GOES_ON
        ),
        r"\bnever ?mind (?:that|this|the last \w+)\b|\bnvm that\b",
        r"\b(?:discard|drop|delete|remove|lose|forget|ignore|disregard|reject|kill|dump|throw out|get rid of|unapply|cancel|reverse) (?:that|the|your|my|those|these|this) (?:last |latest |previous |recent |most recent )?(?:change|edit|modification|tweak|adjustment|alteration|update)s?\b",
        (
            r"\b(?:put|change|turn|set|switch|flip|bring|get|move) (?:it|that|this|him|her|them|everything|things) back"
            + _UNDO_END
        ),
        (
            r"\b(?:put|change|turn|set|switch|bring|get|make|have|leave|restore|return|reset)(?: (?:it|that|this|him|her|them|everything|"
            r"things))?(?: back)?(?: to)? (?:the way|how|like|as|what) (?:it|he|she|they|that|this|things|everything) (?:was|were|looked|had been|"
            r"used to be)(?: like)?(?: before| previously| earlier| originally)?" + _UNDO_GOES_ON
        ),
        (
            r"^\W*(?:(?:ok|no|nope|nah|hm+|ugh|eh|meh|please|pls|actually|wait|sorry|oops|can (?:we|you|u)|could (?:we|you)|let'?s|lets|just|well|i want to|yikes|"
            r"ew+|oh)\b[,.! ]*){0,4}(?:go|step|take (?:it|us)|move|back up|roll|jump)? ?back(?: up)?(?: (?:one|a|1)(?: (?:step|version|edit|change|stage|time))?| again)?"
            + _UNDO_END
        ),
        (
            r"\b(?:go|step|roll|move|take it|backtrack) (?:back )?(?:one|a|1) (?:step|version|edit|change|stage) back"
            + _UNDO_END
            + r"|^\W*(?:(?:no|nah|ok|go|just|hm+)\b[, ]*){0,2}(?:one|a) step back"
            + _UNDO_END
        ),
        (
            r"\b(?:go|going|get|revert|return|switch|jump|roll|take (?:me|us|it)|reset|restore|back)(?: it| this| that)?(?: back)? to (?:the )?(?:previous|prior|"
            r"earlier|prev|last|old|preceding|former) (?:one|version|state|stage|iteration|draft|look|step|edit|design|image|picture|pic)"
            + _UNDO_END
        ),
        (
            r"\b(?:restore|bring back|put back|give me back|i want back) the (?:previous|old|prior|earlier|last|former) (?:one|version|state|look|image|picture|pic|design)"
            + _UNDO_END
        ),
        (
            r"\b(?:bring|give me|put|get|i want|want|need) (?:me )?the (?:old|previous|earlier) (?:one|version|look|picture|image|pic) back"
            + _UNDO_END
        ),
        (
            r"\b(?:it|this|that|he|she|they) (?:was|were|looked) (?:way |much |so much |a lot |far |honestly |actually |really )?(?:better|nicer|best|prettier|fine|"
            r"cuter|cooler|perfect|good) (?:before|without (?:it|that|them)|previously|the way it was)" + _UNDO_END
        ),
        (
            r"\b(?:i|we|my \w+) (?:liked|preferred|like|prefer|loved) (?:it|him|her|that|them|the old one) (?:better |more |much better |way more |"
            r"a lot more )?(?:before|the way it was|how it was|as it was|without (?:it|that))" + _UNDO_END
        ),
        (
            r"^\W*(?:(?:ok|no|nope|nah|hm+|ugh|actually|wait|please)\b[,.! ]*){0,3}(?:(?:don'?t|do not|let'?s not) (?:do (?:that|it)|change (?:that|it)))"
            + _UNDO_END
        ),
        (
            r"\b(?:that|the last|this|your last|last) (?:change|edit|one|step|tweak) (?:was|is) (?:a (?:mistake|bad idea|bad one)|wrong|no good|a step back|not good|worse)"
            + _UNDO_END
        ),
        r"\bdeshace(?:lo)?\b",
    ),
    "start_over": (
        (
            r"\b(?:start(?:ing)?|begin(?:ning)?|restart(?:ing)?) (?:all |it |this |everything |the whole thing |again |right |completely |totally )?(?:over|afresh|"
            r"anew|again|fresh|from scratch|from zero|from nothing|from the (?:top|beginning|start)|new)\b(?! (?:the|a|his|her) (?:fire|engine|car|mountain|hill|bridge))"
        ),
        r"\b(?:re)?start over\b|\bstartover\b|\bstrat over\b|\bstart ober\b",
        r"(?<!made )(?<!baked )(?<!cooked )(?<!built )\bfrom scratch\b(?! (?:bakery|kitchen|cooking))",
        r"\b(?:a |all )?(?:fresh|clean|new) start\b(?! (?:cafe|bakery|poster|church|logo|program))",
        r"^\W*(?:(?:ok|no|ugh|please|hm+|let'?s|nah|just|can we)\b[, ]*){0,4}(?:reset|restart|start anew|do[- ]?over|reboot)(?: everything| it all| it| this| all| the whole thing)?(?: please| pls)?\W*$",
        r"\b(?:reset|wipe) (?:everything|it all|the (?:chat|conversation|whole thing|slate))\b",
        r"\b(?:do|redo|try) (?:it|this|that|the whole thing|everything|all of it) (?:all )?(?:over|anew|afresh|from the (?:start|beginning|top|ground up))\b",
        r"^\W*(?:\w+,? ){0,3}(?:take it )?from the top\W*$|\bback to the drawing board\b|\bback to square one\b|\b(?:clean|blank) slate\b|\bwipe the slate\b",
        r"\bnone of (?:these|those|them|the above|it|the (?:\w+ )?(?:pics?|pictures|images|photos|options|versions|variants|designs|drafts|logos|posters|ideas|concepts|ones|two|three|four|five|six|lot))\b",
        r"^\W*(?:(?:no|nah|ugh|nope|sorry|hm+|honestly)\b[,. ]*){0,3}none(?: (?:work|fit|are right|does it|do it|is good|are good|really work|hit)\b[^,.;!?]{0,16})?(?=\W*$|[,.;!])",
        r"\bneither (?:of (?:them|these|those|the two)|one works|works|is right|does it|really works)\b|^\W*neither(?=\W*$|[,.;!])",
        (
            r"\bnot? (?:a single |one |any )(?:one )?(?:of (?:these|those|them)|works|fits)\b|\b(?:do(?:n'?t| not)|didn'?t) (?:like|want|love) (?:any|either|"
            r"a single one|one)(?: (?:one )?(?:of (?:it|them|these|those))?)?(?=\W*$|[,.;!]| so\b| (?:of|start|please|at all))|\bnot (?:feeling|keen on|happy with|"
            r"loving|sold on|into) (?:any|either) of (?:these|those|them)\b"
        ),
        r"\b(?:i )?(?:hate|dislike|can'?t stand|reject) (?:all of (?:them|these|those|it)|them all|these all|it all|every one of|all (?:three|four|five|six))\b",
        r"\b(?:they|these|those) (?:are )?all (?:suck|bad|wrong|terrible|awful|rubbish|ugly|miss the (?:mark|point)|look (?:bad|wrong|terrible|awful))\b|\ball (?:of (?:them|these|those) )?(?:suck|are (?:bad|wrong|terrible|awful|rubbish|ugly|trash|garbage))\b",
        (
            r"\b(?:bin|scrap|trash|ditch|discard|dump|chuck|abandon|nuke|junk)(?: (?:it all|all of (?:it|them|these|those|that)|all (?:that|this|these|those)|"
            r"everything|every\w*|the lot|the whole (?:thing|lot|idea|concept)|them all|these all|those all|it|that|this|them|these|those|all))(?: all)?(?: away|"
            r" out)?(?=\W*$|[,.;:!]| and\b| please\b| we\b| then\b)"
        ),
        r"\b(?:delete|toss|erase|clear) (?:it all|all of (?:it|them|these|those|that)|all (?:that|this|these|those)|everything(?! (?:but|except|in|on|behind|around))|them all|the lot)(?: away| out)?\b",
        r"\b(?:scrap|trash|bin|ditch|chuck) (?:all|every\w*|it|that|this|them|these|the (?:lot|whole \w+|idea|concept))\b(?! (?:in|into|to|the) )",
        r"\bdelete (?:it|that|them|these)(?: all)?,? (?:and )?(?:start|begin|let'?s start|try)\b",
        r"\b(?:throw|chuck|toss|put) (?:them|it|these|those|this|that|everything|all of (?:them|these|it|those)|it all|the lot)(?: all)? (?:away|out|in the (?:bin|trash|garbage))(?=\W*$|[,.;:!]| and\b| please\b)",
        r"\bthrow away (?:all|everything|them|these|those)\b",
        r"\bforget (?:all (?:of )?(?:that|these|those|this|it)|everything|it all|the whole (?:thing|idea)|all that)\b",
        r"\bforget (?:it|this|that),? (?:let'?s |we |and )?(?:start|begin|try|do) (?:over|again|afresh|anew|fresh|something)\b",
        r"\b(?:begin|commence) (?:again|anew|afresh|over)\b",
        r"\b(?:empieza|empecemos|empezar|empezamos|comienza|arranca|arranquemos)(?: de| desde)? (?:cero|nuevo)\b",
        r"\bdesde cero\b",
        r"\bde cero\b",
        r"\bborron y cuenta nueva\b",
        r"\b(?:they'?re |these are |those are )?all (?:of (?:them|these|those) )?(?:are )?wrong\b|\bnone of that\b|\b(?:new|fresh|other|different) ideas?,? (?:please|pls)\b|\bnot what i (?:wanted|asked for|had in mind) at all\b",
    ),
    "announce": (
        r"\bfrom (?:now|here|today|this (?:point|moment|one)|then) (?:on|onwards?|forward|out|in|onward)(?: out| in)?\b",
        r"\bfrom (?:this (?:point|moment)|now)\b(?= (?:on|we|you|use|draw|always|keep|everything|all))",
        r"\bfrom now\b(?=\W*$|[,.;:])",
        r"\b(?:going|moving) forwards?\b(?! to| through| into)",
        r"\b(?:henceforth|hereafter|until further notice|(?:un)?til i say (?:otherwise|stop|so|different))\b",
        r"\bfor (?:the )?(?:rest|remainder) of (?:the|this|our|my|these) (?:\w+ )?(?:chat|conversation|session|series|set|story|book|project|pics|pictures|images|comic|pages|panels|scenes|campaign)\b",
        (
            r"\b(?<!next )(?:for|in|on|to|with|across|throughout) (?!each other)(?:all |every |each |the |my |our |any |all the |all my |all our |all of the |"
            r"all of my )?(?:of the )?(?:next|following|further|future|coming|upcoming|later|subsequent|new|other)(?: (?:few|couple(?: of)?|\w+))? (?:"
            + _WORKS
            + r")\b(?<!the next one)(?<!next pic)(?<!next picture)(?<!new pic)(?<!new picture)(?<!new one)(?<!other one)(?<!next page)(?<!next scene)(?<!next panel)(?<!next image)(?<!new image)(?<!other pic)(?<!other picture)(?<!other image)(?<!new poster)(?<!new card)(?<!new page)(?<!new scene)(?<!next shot)(?<!next card)(?<!next poster)(?<!other poster)(?<!other card)(?<!other page)"
        ),
        r"\b(?:for|in) (?:the|this|our) (?:(?:next|following|coming|whole|entire) )(?:few|session|series|set|story|book|chat)\b",
        (
            r"\b(?:for|in|on|to) (?:every|each) (?:new |next |future |following |coming |single )?(?:"
            + _WORKS
            + r")(?= (?:from now|i (?:ask|want|request)|we (?:make|do)|you (?:make|draw|do)|after|that follows|to come|to follow)\b)"
        ),
        (
            r"\b(?:use|keep|have|feature|include|want|need|stick with|take|put|draw) (?:this|that|her|him|it|these|them|the|my|our) ?(?:[\w'-]+ ){0,4}?(?:for|in|"
            r"on) (?:everything|every (?:\w+ )?(?:"
            + _WORKS
            + r")|each (?:\w+ )?(?:"
            + _WORKS
            + r")|all (?:the |my |our |of the |of my )?(?:\w+ )?(?:"
            + _WORKS
            + r"|of them))\b"
        ),
        r"\bfor everything (?:from|after|else|we|i|you|that|new|to come|that follows)\b",
        r"\bevery (?:new |next |other |single )?(?:pic\w*|image|picture|page|scene|panel|poster|card|drawing|illustration) (?:(?:after this|from here|that follows|to come|we make|i ask for|you make|after that) )?(?:should|must|needs to|has to|will|is to|gets|from now|ought to)\b",
        (
            r"\b(?:keep|hold on ?to|hang on ?to|remember|save|stick (?:to|with)|use|take|make|treat|set|have|consider|adopt|define|store|bookmark|pin|lock in|"
            r"lock) (?:this|that|her|him|it|these|the|my|them) ?(?:[\w'-]+ ){0,4}?(?:as (?:of now|(?:the |a |an |my |our |your |ur )?(?:\w+ )?(?:main |"
            r"lead )?(?:character|style|reference|ref|protagonist|hero|heroine|base style|guide|look|mascot|template|default|lead|star|muse|anchor|standard|model|"
            r"mc|oc|baseline|moodboard|house style)s?)\b(?! (?:sheet|and) draw)|for (?:all|every|each|the (?:next|rest|following|others?|remainder)|later|future|"
            r"upcoming|reference|consistency|the future)|in mind|from now|throughout|everywhere|always|by default|consistent\w*)"
        ),
        r"\b(?:make|have|let) (?:this|that|her|him|it|them) (?:be )?(?:the|our|my|your) (?:\w+ )?(?:main |lead )?(?:character|protagonist|hero|heroine|mascot|reference|mc|default style|house style|style reference|standard)\b",
        r"\b(?:this|that|she|he|it)(?:'ll| will| shall| is going to|'s going to| is gonna|'s gonna) (?:now )?be (?:the|our|my) (?:\w+ )?(?:main |lead )?(?:character|protagonist|hero|heroine|mascot|reference|mc|style|house style|star)\b",
        r"\b(?:always|permanently) (?:use|draw|keep|include|refer to|base \w+ on|work from|stick (?:to|with)) (?:this|that|her|him|it|the|my|these)\b",
        r"\b(?:memori[sz]e|lock in|lock|bookmark|remember) (?:this|that|her|him|his|the|my) (?:\w+ )?(?:face|character|style|look|design|palette|person|reference|guy|girl|boy|kid|child|dude|lady|fella|creature|aesthetic)\b",
        r"\ba partir de (?:ahora|aqui)\b",
        r"\b(?:en|para|con) tod(?:as|os) l[oa]s (?:proxim|siguiente|demas|que)\w*",
    ),
    "not_yet": (
        r"\b(?:no|don'?t|not|nothing)\b[^,.;!?]{0,24}\b(?:yet|now|picture needed|drawing needed)\b",
        r"\bno (?:picture|drawing|image) (?:needed|yet|now)",
        r"\b(?:hold off|not yet|nothing (?:yet|for now|to draw)|wait (?:for|until|till) (?:my|i|me)|i'?ll (?:tell|let) you (?:what|know|when)|no need (?:to|for) (?:draw|make|generate|a picture|an image|anything)|just (?:remember|save|store|memori[sz]e|keep) (?:it|her|him|this|that)(?=\W*$|[,.;]| for now))",
        r"todavia no",
        r"aun no",
    ),
    "release": (
        (
            r"\b(?:forget|drop|lose|stop (?:using|with|doing|the|that|this|following|applying|including|drawing|it)|quit (?:using|with|the|drawing)|no more|"
            r"no longer|without|w/o|skip|release|(?:done|finished|through) with|retire|leave out|enough (?:of|with)|ditch|do(?:n'?t| not) (?:use|need|want|include|"
            r"keep|apply|follow|stick to|draw|bother with)|no need (?:for|to use|to keep|of)|(?:you|u|we) (?:can|may|could) (?:forget|drop|let go|stop|ditch|lose|"
            r"leave|retire|release|put away|remove)|let go of|let (?:her|him|it|them) go|put away|remove|free from|get rid of|move on from|move away from|scrap|"
            r"abandon|disable|turn off|switch off|clear|reset|unpin|unlock|detach|cancel|shelve|park|bench|toss|dump|ignore|never ?mind|say (?:good)?bye to|bye bye|"
            r"goodbye|back to (?:a )?(?:normal|regular|the normal|default)|give (?:her|him|it|the) (?:\w+ )?a (?:rest|break)|(?:not|never) (?:use|using|needed|"
            r"in (?:that|this|the))|no (?:\w+ ){1,3}(?:any ?more|any longer|needed|required)|any ?more|any longer|isn'?t needed|not needed)\b"
        ),
        r"\bno (?=reference|ref\b|style|character|sheet|moodboard|mascot)",
    ),
    "reference_noun": (
        r"\b(?:reference|refrence|referance|ref|style|character|charachter|sheet|mascot|look|palette|guide|persona|figure|moodboard|mood board|aesthetic|vibe|template|protagonist|hero|heroine|main|mc|oc|theme|filter|muse)s?\b",
    ),
    "style": (
        r"\bstyles?\b",
        r"\blook\b",
        r"\bpalette\b",
        r"\baesthetic\b",
        r"\bcolou?rs of\b",
        r"\bmood\b",
        r"\blighting\b",
        r"\btone\b",
        r"\bin the manner\b",
        r"\bmoodboard",
        r"\b(?:art ?style|vibes? (?:of|from)|aesthetics?|colou?r (?:scheme|palette|grading)|colou?ring of|brush ?work|technique (?:of|from)|feel of|rendering of|grading)\b",
    ),
    "character": (
        r"\b(?:character|protagonist|hero|heroine|mascot|main|sheet|figure|person|oc|her|him|she|he)\b",
        r"\b(?:guy|lead|star|mc|persona|avatar|face|lady|girl|boy|dude|creature|heroin)\b",
    ),
    "compose": (
        r"(?<!closer )(?<!hands )(?<!feet )(?<!legs )(?<!hold it )(?<!pull it )\btogether\b(?! (?:at|in) the (?:top|bottom|ends?)\b)",
        r"\bside[- ]by[- ]side\b",
        r"\bnext to (?:each other|one another|eachother)\b|\balongside (?:each other|one another)\b",
        r"\bcombin(?:e|ed|es|ing|ation of(?! lock))\b",
        r"\b(?:merg(?:e|ed|ing)|fus(?:e|ed|ing)|stitch(?:ed|ing)? (?:them|the|these|those|both|it)|splic(?:e|ed|ing)|superimpos\w+|composite (?:them|these|those|both|the two)|collage|photo ?montage|montage|mash|mash-?up|crossover|hybrid)\b",
        r"\b(?:join|pair|unite|overlay|layer) (?:them|these|those|both|the two(?! (?!pic|image|photo|of them|version|in\b|on\b|into|to\b|together|for\b|drawing|poster|logo|and\b|with\b|so\b|please|ones?\b)[a-z])|up the|the (?:first|second|last))\b",
        r"\bin(?:to)? (?:one|a single|the same|1|a shared|a joint) (?:pic\w*|image|picture|photo|poster|scene|frame|room|card|canvas|page|shot|drawing|illustration|ad|sheet|composition|table|design|banner|layout|collage)\b",
        r"\b(?:triptych|diptych)\b",
        r"(?<!wings )\b(?:a|one|double|two-page|as|page) spread\b|\bspread (?:of|with) (?:both|all|the two)\b",
        r"\bback to back\b|\bface[- ]?off\b|\bhand in hand\b|\barm in arm\b|\bshoulder to shoulder\b|\bfac(?:e|ing) (?:each other|one another|eachother|off)\b",
        r"\b(?:group|family|squad|team|class|band|couple|wedding|party) (?:photo|pic\w*|picture|shot|portrait|selfie)\b",
        r"\bon(?:to)? (?:one|a single|the same) (?!side|leg|knee|foot|hand|arm|ear|eye|shoulder|wing|line|level|height|spot|day|topic|corner|end|wall|cheek|finger|wrist|page as)\w+\b",
        r"\bblend (?:them|these|those|both|the two|the (?:first|second|\w+) (?:and|with)|together|\w+ (?:and|with))\b|\ba blend of\b",
        r"\bsame (?:picture|pic|image|scene|table|room|card|page|sheet|frame|boat|ship|photo|canvas|shot)\b",
        r"\bone (?:below|above|under|beside|next to) the other\b",
        r"\bas (?:a|one) (?:page|collage|grid|picture|image|piece|poster|set of panels|contact sheet|lineup|line-up)\b",
        r"\b(?:contact sheet|split[- ]?screen|before[- ]and[- ]after|before ?/ ?after|comparison (?:image|shot|sheet|pic\w*|picture|graphic))\b",
        r"\b(?:in|as) a (?:\w+ )?(?:grid|row|line|line-?up)\b",
        r"\b(?:all )?in one(?=\W*$|[,.;:!?]| (?:go|please|pls|big|large|wide|long|row|frame|shot)\b)|\bin one (?!hand|corner|eye|ear|colou?r|word|line|spot|place|arm|paw|leg|shoe|side|of|piece|stroke|direction|shade|tone|style|font|day|night|with|window|pocket|wing|claw|fist)\w+\b",
        r"\bon the left\b.{2,80}\bon the right\b",
        r"\b(?:have|let|make|get|show|see) (?:them|both|the two(?: of them)?|these two|those two|the pair) (?:all |both )?(?:meet|bump into|greet|fight each|dance with each|play with each|chase each|hug each|kiss each|shake hands|become friends|team up|(?:\w+ ){0,2}(?:each other|one another|eachother))\b",
        r"\b(?:photo|pic\w*|picture|shot|portrait|poster|selfie|scene|page) (?:of|with) (?:all|everyone|everybody)\b",
        r"\b(?:strip|comic|collage|page|poster|card|banner|picture|scene|story|sequence|gif|sheet) (?:out )?(?:of|from|with) (?:the two|both|them(?: all)?|all (?:of them|three|four)|these|those|the (?:three|four|lot))\b",
        r"\b(?:share|sharing) (?:a|an|one|the same) (?:\w+ )?(?:picture|pic|image|scene|frame|page|table|bench|umbrella|stage|boat|car|card|canvas|room)\b",
        r"\bon (?:one|the same) stage\b|\b(?:one|the first|the other) (?:on|to) the left\b.{2,60}\bright\b",
        r"\b(?:the )?[\w'-]+ (?:on )?(?:the )?left,? (?:and )?(?:the )?[\w' -]{2,40} (?:on )?(?:the )?right\W*$",
        r"\bcombin(?:e|ing) into\b|\bmix(?:ing)? (?:them|these|those|both|the two|the (?:first|second|last))\b|\bcross (?:them|these|those|both|the (?:two|first|newer|older|last))\b",
        r"\b(?:duet|duel|standoff|showdown|double portrait|twin portrait|joint portrait|family tree) (?:of|between|with)\b",
        r"\b(?:with|out of|from|of|using) the (?:whole )?lot\b(?! of)",
    ),
    "draw": (
        (
            r"\b(?:draw|paint|generate|create|design|sketch|illustrate|render|imagine|drwa|darw|genrate|generat|depict)\b(?! (?:it|this|that|them)\b(?! (?:time|is|"
            r":)))(?!(?<=imagine) (?:he|she|they|we|you|if|that|the|how|what)(?:'s|\b))(?! (?:the|his|her|its|their|my|all|every|both) [^,.;:]{1,30}? (?:softer|"
            r"darker|lighter|bigger|smaller|larger|thicker|thinner|brighter|longer|shorter|sharper|rounder|wider|taller|higher|warmer|cooler|closer|fluffier|"
            r"more \w+|less \w+)\b)(?! (?:the|his|her|its|their|my|all|every|both) [^,.;:]{1,40}? (?:"
            + _COLOURS
            + r")\b)(?: me| us| up| out| now| then| next| please| pls)*(?= |:)"
        ),
        (
            r"\b(?:make|do|build|produce|cook up|whip up|knock up|mock up|come up with|craft|give me|give us|gimme|get me|bring me|send me|i(?:'d| would|"
            r"d)? (?:also |really |now )?(?:like|need|want|fancy)|i'd love|id love|i wanna (?:see|have)|(?:i )?want to see|i'?m (?:after|looking for)|can (?:i|"
            r"we) (?:get|have|see|do)|could (?:i|we) (?:get|have|see)|may i have|we (?:need|want)|need|show me|let'?s (?:see|have|do|try|make|draw|go for|get)|"
            r"time for|i wouldn'?t mind)\b(?: me| us| now| also| then| to see| to have)* (?:a|an|another|one|some|two|three|four|2|3|4)\b(?! (?:moment|minute|min|"
            r"sec|second(?! \w)|hint|clue|reason|caption|description|summary|bit|tad|touch|lot|few|more|less|fewer|bigger|smaller|larger|darker|lighter|brighter|"
            r"warmer|cooler|softer|bolder|longer|shorter|better|closer|wider|tighter|simpler|cleaner|taller|thicker|thinner|sharper|little (?:bit|more|less|"
            r"\w+er)\b|different (?:colou?r|font|hat|background|bg|pose|expression|outfit|hair\w*|shade|angle)|(?:slightly|much|way) ))"
        ),
    ),
    "new": (
        r"\b(?:new|another|separate|different|(?<!the )other) (?:pic\w*|image|picture|drawing|photo|scene|illustration|one where|one:|poster|logo|card|portrait|shot|page|painting)\b",
        r"\bnew (?:one|pic)\b",
        r"\bnext,? (?:a|an|draw|page|the next|one|picture|up|scene)\b",
        r"^\W*(?:and |ok |okay |now |then |next )*(?:now|next|then)?,? ?(?:a |the )?(?:pic\w*|picture|image|photo|portrait|drawing|shot|painting|illustration|scene) (?:of|with|where|for)\b",
        r"\bnow (?:an?|two|some|for an?|the next|other)\b(?! (?:bit|tad|touch|little|lot|few|drop|hint|smidge|more|less|\w+er (?:\w+ )?(?:one|background|hat|colou?r|font|tone|shade))\b)",
        r"\bmatching (?:\w+ )?(?:card|poster|logo|banner|label|icon|page|menu|flyer|cover|invitation|tile)\b",
        r"^\W*(?:and )?(?:now|next|then),? (?:the|an?) [\w' -]{2,30}? (?:of|for) (?:a|an|our|my)\b",
        r"\bsame (?:look|style|series|set|picture book|book)\W*$",
        r"\bunrelated\b",
        r"\bsomething (?:else|different|completely)\b",
        r"\bchange of (?:topic|subject)\b",
        r"\bthis time\b",
        r"\bseparately\b",
        r"\bscene (?:\d|one|two|three|four)\b",
        r"\b(?:page|panel) (?:\d|one|two|three|four|five)\s?:",
        r"\b(?:brand[- ]new|completely (?:new|different)|whole new|totally (?:new|different)|entirely (?:new|different)|fresh) (?:\w+ )?(?:pic\w*|picture|image|drawing|scene|illustration|one|subject|topic|idea|project|thing|request|concept)\b",
        r"\b(?:new|next|different|another|separate) (?:request|job|project|task|topic|subject|prompt|theme)\b",
        r"\b(?:moving on|switching (?:gears|topics?)|switch (?:gears|topics?)|on to (?:the next|something|another|a new)|not related|nothing to do with (?:that|this|the))\b",
        r"\b(?:otr[oa]|nuev[oa]) (?:imagen|dibujo|cartel|logo|escena|poster|ilustracion)\b",
        (
            r"^\W*(?:(?:ok|okay|now|then|next|please|pls|and|so|can|could|would|you|u|i|we|i'd|like|love|want|need|to|have|see|get|make|do|give|show|draw|paint|"
            r"create|generate|design|me|us|how about|what about|let's|lets|try|one)\b[, ]*){0,8}(?:an?|another|one more|one) (?:\w+ ){0,2}?(?:pic\w*|picture|image|"
            r"photo|photograph|portrait|drawing|painting|illustration|sketch|render\w*|poster|logo|wallpaper|cartoon|scene|card|icon|banner|cover|sticker|comic|"
            r"flyer|mural|map|avatar|emblem|watercolou?r) (?:of|showing|featuring|for|with|where) (?:an?|two|three|some|my|our) \w+"
        ),
        (
            r"\b(?:another|one more|a second|a further) (?:\w+ )?(?:pic\w*|picture|image|photo|photograph|portrait|drawing|painting|illustration|sketch|render\w*|"
            r"poster|logo|wallpaper|cartoon|scene|card|icon|banner|cover|sticker|comic|flyer|mural|map|avatar|emblem|watercolou?r)\s?[,:-] ?(?:an?|two|three|some|the)\b"
        ),
        r"\bwhat i(?:'d)? (?:want|need|would like|like|fancy)(?: to (?:see|have))?(?: now| next| then| also)? (?:is|would be) (?:an?|another|two|three)\b",
        r"^\W*(?:(?:ok|now|and|then|next|please)\b[, ]*){0,3}(?:based on|according to|going by|go by|as per|refer(?:ring)? to|stick(?:ing)? to|work(?:ing)? from|go off|going off|true to|faithful to) (?:the|that|her|his|my|our|its) (?:\w+ ){0,2}(?:sheet|turnaround|reference|ref|model sheet|character design)\b",
        r"\b(?:girl|boy|man|woman|guy|lady|kid|child|character|hero|heroine|knight|princess|prince|king|queen|witch|wizard|robot|cat|dog|fox|bear|dragon|creature|mascot|him|her|one) (?:from|on|off|of) (?:the|that|my|our) (?:\w+ )?(?:sheet|turnaround|reference)\b",
        r"^\W*(?:(?:ok|now|and|then|next|please|but)\b[, ]*){0,3}(?:the )?same (?:style|look|technique|palette|vibe|aesthetic)\b[^,.;:]{0,16}[,:;] ?(?:(?:but|now|this time|and|with)\b[, ]*){0,2}(?:an?|two|three|some)\b",
        r"\b(?:new|next|another|different) pic\W*$",
        r"^\W*(?:(?:ok|now|and|then|next)\b[, ]*){0,2}let'?s see an? (?:[\w'-]+ ){1,3}?\w{3,}ing (?:an?|the|in|on|at)? ?\w+",
        r"\b(?:another|new|next|different|fresh|other) (?:idea|thought|motif|theme|plan|wish)\s?[:,-] ?(?:an?|two|three)\b",
        (
            r"^\W*(?:(?:ok|now|and|then|next|please|but)\b[, ]*){0,3}(?:in keeping with|in line with|following|as (?:seen )?(?:in|on)|like (?:in|on)|use|using|"
            r"with) (?:the|that|her|his|my|our) (?:\w+ ){0,2}(?:sheet|turnaround|reference|ref)(?: as (?:a|the|your) (?:guide|base|basis|reference|ref|model|template))?[,:;]"
        ),
    ),
    "definite": (
        (
            r"\b(?:the(?! (?:(?:deep |dark |open |pouring |heavy |falling |starry |night |city |autumn |winter |morning |evening )?(?:rain|snow|sky|clouds|sea|"
            r"ocean|woods|forest|desert|city|jungle|mountains|countryside|dark|mist|fog|wind|storm|moon|stars|rainforest|wild|alps|arctic|middle of nowhere|"
            r"moonlight|sun|sunshine|sunset|street|air))\b)|this(?! time\b)|that|these|those|his|her|its|their|him|he|she|it|them|they|em|there|behind|background|"
            r"bg|foreground|corner)\b"
        ),
        r"\b(?!(?:let(?!'s see)|it|that|what|he|she|there|here|who|where|how|valentine|mother|father|new year|children|kid|men|women|ladie)'s\b)\w+'s\b",
    ),
    "edit": (
        (
            r"\b(?:add|remove|erase|replace|swap|change|turn|convert|crop|zoom|move|rotate|flip|lighten|darken|brighten|tone|soften|sharpen|blur|lose|drop|cut|"
            r"delete|fix|clean|tidy|shrink|enlarge|resize|recolou?r|colou?r|tint|thicken|thin|widen|extend|trim|round|straighten|increase|decrease|reduce|adjust|"
            r"tweak|keep|get rid|take (?:out|away|off)|put|place|pop|stick|write|letter|type|set|dress|wear|give (?:him|her|it|them|the|my|his|this|that|\w+ (?:a|"
            r"an|the|some))|let (?:him|her|it|them|the|us)|make (?:it|him|her|them|the|this|that|his|my|its|me|us|everything|sure|\w+'s|bg|text|both|all)|warm|cool|"
            r"bolder|bigger|larger|smaller|brighter|darker|lighter|longer|shorter|wider|taller|thicker|thinner|softer|warmer|cooler|sharper|cleaner|closer|tighter|"
            r"higher|lower|more|less|fewer|too|instead|no|without|should|needs?|gets?|could|must|shouldn't|wants?|also|as well)\b"
        ),
        (
            r"\b(?:wipe|dim|mirror|smooth|desaturate|saturate|polish|fade|lengthen|shorten|raise|lower|tilt|shift|scale|cent(?:er|re)|align|mask|hide|cover|fill|"
            r"frame|wrap|restyle|retouch|restore|colou?ri[sz]e|upscale|enhance|improve|boost|emphasi[sz]e|highlight|simplify|modify|modernise|modernize|edit|"
            r"redo the|rework|refine|revise|invert|distort|pixelate|animate|unblur|declutter|eliminate|omit|exclude|strip|scrub|patch|attach|insert|append|include|"
            r"introduce|apply|bring|push|pull|stretch|bend|open|close|light up|dial|tone|amp|crank|swap|switch|recast|reposition|relocate|rearrange|rewrite|rename|"
            r"relabel|respell|spell|undo|repaint|redraw|repair|outline|underline|deepen|mute|crisp|sharpen|airbrush|photoshop|put on|take off)\b(?= (?:the|a|an|his|"
            r"her|its|their|my|it|them|him|this|that|some|more|in|out|up|down|off|on|all|both|any|every|away|to)\b)"
        ),
        (
            r"\b(?:redder|bluer|greener|pinker|greyer|yellower|happier|sadder|angrier|scarier|cuter|fluffier|fuzzier|funnier|moodier|crisper|richer|deeper|paler|"
            r"neater|older|younger|fatter|chubbier|curlier|rounder|flatter|smoother|busier|simpler|messier|grungier|creepier|spookier|prettier|uglier|hairier|"
            r"shinier|glossier|rustier|dirtier|muddier|stormier|cloudier|sunnier|foggier|snowier|rainier|wetter|drier|steeper|closer|further|farther|slimmer|"
            r"skinnier|stronger|weaker|louder|calmer|cosier|cozier|comfier|fancier|classier|edgier|punchier|bulkier|leaner|straighter|puffier|bushier|spikier|"
            r"dreamier|grittier|weirder|wilder|plainer|quieter|subtler|rougher|vivid|realistic)\b"
        ),
    ),
    "place": (
        r"\b(?:put|place|set|seat|sit|drop|pop|have|let|bring|add|insert|drag|move|mount|hang|paste|stick|standing|sitting|riding|rides?|holding|holds?|stand|walk|hug|hugging|fight|fighting|meets?|meeting|beside|versus|vs|under the|behind the|on the back of|onto|into|next to|hand)\b",
        r"\b(?:slot|plop|plonk|tuck|slip|squeeze|perch|photoshop|composite|transfer|transplant|attach|print|printed|in front of|on top of|inside of|kiss(?:ing)?|chas(?:e|ing)|carry(?:ing)?|lead(?:ing)?|fac(?:e|ing)|danc(?:e|ing)|talk(?:ing)? to|play(?:ing)? with|seated|perched|placed)\b",
        r"\b(?:mete|pon|coloca|sienta|sube|pega|inserta|anade)\w*\b",
        (
            r"\b(?:appear|appears|appearing|share|shares|sharing|race|races|racing|board|boards|boarding|steer|steers|steering|fly|flies|flying|drive|drives|"
            r"driving|greet|greets|greeting|visit|visits|visiting|feed|feeds|feeding|pet|pets|petting|steal|steals|stealing|hunt|hunts|hunting|watch|watches|"
            r"watching|join|joins|joining|stage|wave|waves|waving|lean|leans|leaning|attack|attacks|attacking|fights|rescue|rescues|rescuing|serve|serves|serving|"
            r"follow|follows|hide|hides|hiding|peek|peeks|peeking|introduce|furnish|decorate|loom|looms|looming|cross|crosses|guard|guards|guarding)\b"
        ),
        r"\b(?:with|of|where|both|in which|showing) (?:both )?(?:the|my|our|her|him|his) [\w' -]{0,30}?\band (?:the|my|our|her|his)\b",
        r"\b(?:above|atop|alongside|astride|aboard|among|in the middle of|in front|at the (?:wheel|helm|table|window|door|foot|side) of)\b",
    ),
    "genre": (
        r"\b(?:logo|poster|portrait|photo|photograph|picture|pic|image|wallpaper|illustration|icon|card|banner|cover|mock-?up|label|pattern|render|drawing|painting|sketch|watercolou?r|pixel art|anime|comic|sticker|tattoo|flyer|map|plan view|avatar|emblem|scene|view of|close-?up of|still life)\b",
        (
            r"\b(?:infographic|diagram|blueprint|thumbnail|meme|mural|fresco|collage|engraving|etching|woodcut|linocut|gouache|charcoal|doodle|cartoon|caricature|"
            r"manga|storyboard|leaflet|brochure|invitation|invite|postcard|menu|packaging|badge|crest|coat of arms|mascot|character sheet|concept art|3d model|"
            r"isometric|diorama|floor plan|screensaver|emoji|emote|pfp|profile pic|headshot|selfie|snapshot|cityscape|seascape|panorama|aerial view|"
            r"bird'?s[- ]eye view|macro shot|silhouette|stencil|mosaic|stained glass|origami|claymation|polaroid|tarot card|coloring page|colouring page|oil painting)\b"
        ),
    ),
    "changes": (
        r"(?:with|without|in|on|as|at) (?:a|an|some|more)\b",
        r"\b(?:and|but|then) (?:make|add|put|change|remove|turn|give|write)\b",
        r"\b(?:and|but|then|with|plus) (?:crop|paint|draw|colou?r|swap|replace|let|have|take|move|zoom|darken|brighten|lighten|use|erase|delete|place|keep|convert|flip|rotate|less|more|fewer|darker|lighter|brighter|bigger|smaller|without)\b",
        r"\b(?:but|only|just|now) (?:at|in|as|by|under|make|add|wearing|holding|change|darker|brighter|lighter|bigger|smaller)\b",
    ),
    "joins": (
        r"\band\b",
        r"、",
        r"&",
        r"\bplus\b",
        r"\by\b",
    ),
    "fresh": (
        r"^\W*(?:(?:now|then|next|also|ok|okay|please|pls|and|great|nice|cool|instead|can (?:you|u)|could (?:you|u))\b[, ]*){0,3}(?:draw|paint|generate|create|design|sketch|illustrate)\b(?: me| us)? (?:a|an|another|two|three|one)\b",
    ),
    "of_focus": (
        r"^\W*(?:now |then |ok |and |please )?(?:draw|paint|sketch|create|generate) (?:me )?(?:him|them|the same|her(?= (?:in|at|on|as|with|from|while|again|\w+ing)\b))(?! (?:a|an|some) )",
        r"^\W*(?:now |then |ok |and |please )?(?:draw|sketch|create|generate) (?:me )?(?:its|his|her|their)\b",
        r"\bsame (?:girl|boy|man|woman|character|person|cat|dog|guy|child|creature|robot|one|lady|kid|couple|family|bear|dragon|knight)\b(?!.*\b(?:but|instead)\b)",
        r"\buse (?:the|this|that) [^,.;]{2,40} as (?:the|a)\b",
    ),
    "definite_noun": (r"\b(?:the|his|her|its|their|this|that|el|la|los|las|del|al|su) (?:[\w'-]+ ?){1,2}",),
    "scenery": (
        (
            r"\b(?:rain|snow|sky|clouds?|sea|ocean|beach|woods?|forest|desert|city|street|night|day|morning|evening|sun|sunset|dark|mist|fog|wind|storm|jungle|"
            r"mountains?|village|country|countryside|moon|stars|space|air|water|river|lake|garden|park|kitchen|market|station|distance|harbou?r|coast|woodland|"
            r"meadow|field|grass|dawn|dusk|noche|mar|playa|bosque|campo|cielo|lluvia|nieve|ciudad)\b"
        ),
        (
            r"\b(?:hills?|valley|island|pond|stream|waterfall|cave|road|alley|rooftops?|ocean|waves|shore|seaside|lagoon|swamp|tundra|arctic|savann?ah?|prairie|"
            r"orchard|vineyard|suburbs?|downtown|town|world|universe|galaxy|sunshine|sunlight|moonlight|starlight|shade|shadows|twilight|midnight|heat|cold|spring|"
            r"summer|autumn|winter|afternoon|breeze|fields|office|classroom|library|cafe|subway|metro|airport|hospital|gym|pub|wild|zoo|middle of nowhere|"
            r"bottom of the sea|mud|puddles?|attic|basement|bath|museum|supermarket|playground)\b"
        ),
    ),
    "corrects": (
        r"\bi (?:did ?n[o']?t mean|didnt mean|meant|mean)\b",
        r"\bnot the \w+",
        r"\bwrong (?:one|picture|image|pic|card|poster)\b",
        r"\bmy mistake\b",
        r"\b(?:i (?:was|am) (?:talking|speaking) about|(?:i (?:was|am) |i'm )?referring to|not that one|my bad|i said the|i asked for the|(?:that|this|it)(?:'s| is|s) not (?:the (?:one|picture|image|right)|what i meant|who i meant))\b",
        r"\bthe wrong \w+\b|\bwrong (?:cat|dog|guy|person|girl|boy|man|woman|file|photo|drawing|logo|version|character)\b",
        r"\b(?:you|u) (?:changed|edited|took|picked|did|used|altered) the wrong\b",
        r"\b(?:no|nope|not) (?:him|her|that (?:guy|man|woman|dog|cat|girl|boy)),? (?:the|i meant)\b",
        r"\bi (?:wanted|was after|had in mind|was thinking of|was asking (?:for|about)) the (?:other|\w+),? not\b|\bother way (?:a)?round\b",
    ),
    "mistaken": (
        r"\b(?:did ?n[o']?t mean|didnt mean|i meant)\b",
        r"\b(?:don'?t mean|(?:that'?s )?not what i meant|i (?:was|am) (?:talking|speaking) about|(?:i was )?referring to|the wrong (?:one|pic\w*|image|photo|version|picture))\b",
    ),
    "alone": (r"\b(?:alone|by (?:him|her|it)self|on (?:its|his|her) own|only|solo)\b",),
    "referring": (
        r"\bwith [^.;:]{2,60} as (?:the |a )?(?:references?|style|characters?|guide)\b",
        r"\b(?:keep|stay) (?:\w+ ){0,3}(?:true|close|consistent) (?:to|with)\b",
        r"\b(?:based on|work from|from|following|use|using|in the style of|like) (?:the|that|her|his|my|this|its)\b",
        (
            r"\b(?:based (?:up)?on|based off|according to|going by|go by|go(?:ing)? off(?: of)?|as per|refer(?:ring)? (?:back )?to|stick(?:ing)? (?:closely )?to|"
            r"working from|modell?ed (?:on|after)|true to|faithful to|consistent with|inspired by|matching|that (?:matches|goes with|fits|suits)|to (?:match|"
            r"go with)|modeled on|guided by|as (?:shown |seen )?(?:in|on)) (?:the|that|her|his|my|our|this|its|their)\b"
        ),
        r"\bin (?:the|this|that) (?:exact |very )?same (?:\w+ )?(?:style|manner|look|aesthetic|technique|vein|way|palette)\b|\bin (?:this|that) (?:exact |very )?(?:\w+ )?(?:style|manner|look|aesthetic|technique|vein|palette)\b",
        r"\b(?:the )?(?:exact )?same (?:art |drawing |painting |visual )?(?:style|technique|palette|aesthetic)(?: as (?:the|that|this|it|before))?\b",
        r"\bkeep(?:ing)? (?:the|this|that|its) (?:\w+ )?(?:style|look|technique|palette|aesthetic)(?= (?:and|but|for)\b|,)",
        r"\b(?:painted|drawn|done|rendered|made) (?:in )?(?:the|this) same (?:way|style|manner)\b|\b(?:painted|drawn|done|rendered) like (?:this|that|it)\b",
        (
            r"\b(?:girl|boy|man|woman|guy|lady|kid|child|character|hero|heroine|knight|princess|prince|king|queen|witch|wizard|robot|cat|dog|fox|bear|dragon|"
            r"creature|mascot|hedgehog|badger|rabbit|bunny|monster|alien|ghost|pirate|mouse|owl|wolf|detective|chef|captain|fairy|duck|frog|penguin|panda|family|"
            r"couple|twins|gang|team|crew)s? (?:from|on|off|of) (?:the|that|my|our) (?:\w+ )?(?:sheet|turnaround|reference)\b"
        ),
        (
            r"\b(?:draw|paint|sketch|illustrate|generate|create) (?:me )?(?:the|that|our) (?:[\w'-]+ ){0,2}?(?:girl|boy|man|woman|guy|lady|kid|child|character|hero|"
            r"heroine|knight|princess|prince|king|queen|witch|wizard|robot|cat|dog|fox|bear|dragon|creature|mascot|hedgehog|badger|rabbit|bunny|monster|alien|ghost|"
            r"pirate|mouse|owl|wolf|detective|chef|captain|fairy|duck|frog|penguin|panda|family|couple|twins|gang|team|crew)s?(?= (?:\w+ ){0,6}?(?:\w+ing|at (?:a|"
            r"an|the)|in (?:a|an)|as (?:a|an))\b)"
        ),
        r"\b(?:in keeping with|in line with|in accordance with|like (?:in|on)|with(?= (?:the|that|her|his|my|our) (?:\w+ ){0,2}(?:sheet|turnaround|reference|ref)\b)) (?:the|that|her|his|my|our)\b",
        r"\b(?:the )?same (?:\w+ )?(?:sheet|reference|ref|turnaround)\b",
    ),
    "counted": (
        r"(?:\b(?:the|those|these|all|all of the|all of my|all my|my|our|your|last|other)\s+(?P<en>two|three|four|five|six|2|3|4|5|6)\b)",
        r"\b(?:l[oa]s|es[oa]s) (?P<es>tres|cuatro)\b",
    ),
    "given": (
        r"\b(?:add|with|wearing|a|an|some|more|less|to|into|say|says|saying|write|text)\b [^,.;:!?]*?(?=\b(?:on|to|for|in|of|at|the|his|her|its)\b|[,.;:!?]|$)",
    ),
    "pointed": (
        r"\b(?:the|this|that|his|her|its|their|el|la|los|las|del|al) ([\w'-]+(?: [\w'-]+)?)",
        r"\b([\w-]+)'s\b",
        r"^\W*(?:(?:and|now|but|ok|okay|then|also|yes|well)\b[, ]*)*((?:[\w'-]+ ){0,3}[\w'-]+)\s?(?:needs?\b|should\b|shoud\b|gets?\b|could\b|wants?\b|must\b|is\b|are\b|looks?\b|has\b|lost\b|as well|too\b|also\b|:)",
        r"\b(?:give|giv|let|put|make|turn|wake|dress|on|for) (?!it|him|her|them|me|us|the|a|an|this)([\w'-]+)",
    ),
    "pronoun": (
        r"\b(?:it|him|her|them|(?:that|this)(?! (?!(?:is|was|one|looks?|needs?|should|could|and|but|to|in|into|on|with|a|an|more|please|too|as|for|now|again|from|up|off|out|by|the|time|way|at)\b)[a-z]))\b(?! \w+ (?:one|pic))",
    ),
    "wanted_en": (
        (
            r"\b(?P<a>two|three|four|five|six|seven|eight|nine|ten|[2-9]|10) (?:[\w'-]+ ){0,4}?(?:versions?|variants?|variations?|options?|pictures|pics|images|"
            r"photos|photographs|paintings|logos|logo (?:ideas|designs|options|concepts|directions)|ideas|designs|concepts|sketches|icons|looks|takes|drafts|"
            r"proposals|mock-?ups|posters|banners|stickers|cards|avatars|pfps|colou?rways|renders|renderings|illustrations|covers|wallpapers|portraits|drawings|"
            r"directions|alternatives|alternates|choices|possibilities|interpretations|iterations|thumbnails|flyers|invitations|labels|headers|profile pics|samples|"
            r"examples|patterns|shots|attempts|different \w+|emotes|tattoos|app icons|backgrounds?|background options|treatments|layouts|compositions|scenes|"
            r"sneakers|suggestions|prototypes|generations|tries|artworks)\b"
        ),
        r"\b(?:give me|gimme|make|make me|show me|do|i need|i want|let's have|let's see|can i (?:get|have|see)|generate|draw|draw me) (?:it in |me )?(?P<b>two|three|four|five|six|seven|eight|nine|ten|[2-9]|10)(?= (?:of (?:them|these|it)|more|wilder|different|new|fresh|in)\b|[,.:]|$)",
        r"\bin (?P<c>two|three|four|five|six|seven|eight|nine|ten|[2-9]|10) (?:different |other |new |more |separate )?(?:colou?rs?|styles?|sizes?|versions?|variations?|poses)\b",
        r"\b(?P<d>pair) of (?:versions|variations|variants|options|drafts|mock-?ups|sketches|logos|ideas|concepts|designs)\b",
    ),
    "wanted_zh": (
        r"\b(?P<e>dos|tres|cuatro|cinco|seis|[2-9]) (?:\w+ ){0,2}?(?:opciones|versiones|propuestas|variantes|ideas|imagenes|disenos|bocetos|dibujos|logos|alternativas|fotos|colores)\b",
    ),
    "known_en": (
        r"(?:\b(?:the|these|those|all|both|of the|my|our|your|their|last|first|other|her|his|its|all the|previous|latest|newest|between|every|any of)\s)$",
    ),
    "square": (
        (
            r"(?<!town )(?<!times )(?<!market )(?<!city )(?<!village )(?<!trafalgar )(?<!main )(?<!central )(?<!public )(?<!union )(?<!red )(?<!each )(?<!every )(?<!little )(?<!small )(?<!back to )(?<!the )\bsquare(?:d)?\b(?! (?:in|"
            r"of|where|with|jaw|shoulder|root|garden|kilomet|meter|metre|feet|foot|glasses|tables?|windows?|face|tiles?|box|plates?|pants|head|neck|bottle|tower|"
            r"pillow|cushion|rug|patch|hole|peg|miles?|danc|buttons?|eyes|one\b|dots?|patterns?|hat|mirror|pool|cake|chin|lamp|building|watch|dial|earrings|nails|toe))"
        ),
        r"\b(?:make|crop|turn|have|do|want|need|put) (?:it|this|that|them|both)(?: \w+){0,2}? square\b|\bthe square (?:one|version|format|crop|post)\b",
    ),
    "tall": (
        r"\b(?:phone|mobile|iphone|android|lock ?screen|lockscreen) (?:wall ?paper|background|screen wallpaper)\b",
        r"\bwallpaper for (?:a |my |the )?(?:phone|mobile|iphone)\b",
        r"\bvertical (?:format|version|orientation|crop|one|image|poster|story)\b",
        r"\b(?:make|do|turn|have|crop|put) (?:it|that|this) (?:in )?(?:vertical|portrait)\b",
        r"\bportrait (?:format|orientation|mode)\b",
        r"\b(?:insta(?:gram)?|ig|fb|facebook|snapchat|snap|whatsapp) stor(?:y|ies)\b|\b(?:for|as) (?:an? |my )?(?:reels?|tik ?toks?|youtube shorts|stories)\b",
        r"\b(?:upright|tall|portrait|vertical)[- ](?:format|orientation|mode|layout|crop|aspect|aspect ratio|size|version|banner for stories)\b",
        r"\b(?:in|to|as) (?:portrait|vertical|upright)(?=\W*$|[,.;!?]| (?:please|pls|format|for)\b)|\bvertically(?=\W*$)",
        r"\b(?:phone|mobile) (?:lock ?screen|home ?screen|screen|bg)\b|\b(?:for|as|on) my (?:phone|iphone|mobile)(?:'s)? (?:lock|home|screen|background|wallpaper)\w*",
        r"\block ?screen (?:for|of) (?:my |a |the )?(?:phone|iphone|mobile|android)\b",
        r"\bfondo de (?:movil|celular|pantalla (?:para|del) (?:el )?(?:movil|celular))\b",
    ),
    "wide": (
        r"\b(?:desktop|laptop|pc|computer) (?:wall ?paper|background)\b",
        r"\bwallpaper for (?:a |my |the )?(?:desktop|laptop|pc|computer)\b",
        r"\bwide ?screen\b",
        r"\blandscape (?:format|orientation|mode|version|crop)\b",
        r"\bhorizontal (?:format|version|orientation|crop|one)\b",
        r"\b(?:make|do|turn|have|crop|put) (?:it|that|this) (?:in )?(?:horizontal|landscape)\b",
        r"\b(?:wide|landscape|horizontal|panoramic|cinematic|cinema)[- ](?:format|orientation|mode|layout|crop|aspect|aspect ratio|size|version|ratio)\b",
        r"\b(?:in|to|as) (?:landscape|horizontal)(?=\W*$|[,.;!?]| (?:please|pls|format|for)\b)|\bhorizontally(?=\W*$)",
        r"\b(?:youtube|yt|twitch) (?:thumbnail|banner|cover)\b|\bthumbnail for (?:my |a |the )?(?:youtube|yt|video|channel)\b",
        r"\b(?:for|as) (?:a |my |the |our )?(?:monitor|tv screen|powerpoint|slides?|slide deck|presentation|keynote|desktop(?: background| wallpaper)?|twitch header)(?=\W*$|[,.;!?]| (?:please|pls)\b)",
        r",\s*(?:wide|wide format|widescreen|landscape)\W*$",
    ),
    "gone": (
        r"\b(?:remove|lose|drop|delete|erase|get rid of|take (?:out|away|off)|instead of|rather than|without|no more|fewer|cut)\b (?:the |all |his |her |its |any )?[\w' -]{1,24}?(?=[,.;:!?]|$| (?:and|with|from|on|in|for|then|please|but|so)\b)",
        r"\b(?:replace|swap|change|turn)\b (?:the |his |her |its |all )?[\w' -]{1,24}? (?=with|for|to|into|by)",
        (
            r"\b(?:eliminate|ditch|scrap|kill|nix|strip(?: off| out| away)?|wipe(?: away| off| out)?|scrub(?: out| off)?|hide|omit|exclude|leave out|crop out|"
            r"edit out|photoshop out|paint out|clear(?: away| out| off)?|minus|sans|w/o|toss)\b (?:the |all |his |her |its |any |that |"
            r"those )?[\w' -]{1,24}?(?=[,.;:!?]|$| (?:and|with|from|on|in|for|then|please|but|so)\b)"
        ),
        r"\btake (?:the |all |his |her |its |that |those )[\w' -]{1,24}? (?:out|away|off)\b",
    ),
    "changing": (
        r"\b(?:let'?s see|try|turn|make it|change|instead|swap|now|mode|matte|at (?:dusk|night|dawn)|please)\b",
        r"cambi",
    ),
    "introduced": (
        r"\b(?:this|that|here)(?:'s| is| are| was)(?: also)?\b[^,.;!?]*(?:, the \w+)?",
        r"\bmeet \w+",
        r"\bmy \w+",
        r"\b(?:these|those|here) are\b[^,.;!?]*|\bhere comes\b[^,.;!?]*|\bsay (?:hi|hello) to \w+|\b(?:called|named) \w+",
        r"\best[aeo] es [^,.;]*",
        r"\bmi \w+",
    ),
    "before_inside": (
        r"(?:\bbut )?\bbefore (?:the |we |you |i )?([^,.;!?]+)",
        r"(?:\bbut )?\b(?:prior to|b4) (?:the |we |you |i )?([^,.;!?]+)",
    ),
    "step": (r"、",),
    "greeting": (
        (
            r"\W*(?:hi+|hello+|hey+|heya|hiya|howdy|yo+|sup|wass?up|what'?s up|greetings|g'?day|hallo|hullo|good (?:morning|evening|afternoon|day)|morning|evening|"
            r"afternoon)(?:,? (?:there|all|again|everyone|everybody|guys|you|friend|mate|studio|bot|folks|team))?(?:\W+(?:how are (?:you|u|ya)(?: doing| today)?|"
            r"how'?s it going|how do you do|nice to meet you|are you there|you there|anyone there|anybody there))?\W*"
        ),
        r"\W*(?:how are (?:you|u|ya)(?: doing)?(?: today)?|how'?s it going|are you there|you there|anyone there|anybody (?:there|home)|test(?:ing)?(?: 1 2 3)?|nice to meet you)\W*",
    ),
    "not_that": (
        r"\b(?:i )?(?:do ?n[o']?t|did ?n[o']?t|didnt|dont|never) mean(?: on)? (?:the |that |this |to )?[^,.;!?…]*",
        r"\b(?:no,? )?not (?:the|that|this|on the|on that|from the|in the|my|those|these|with the|for the)\b[^,.;!?…:-]*",
        r"\b(?:leave|ignore|skip|don'?t touch|do not touch|don'?t change|do not change|forget about|never mind|nvm)\b[^,.;!?…]*(?:alone|as (?:it|they) (?:is|are)|out|untouched)?",
        r"\b(?:rather than|as opposed to|and not|instead of) (?:the |that )?(?:first|second|third|fourth|last|other|previous|original|latest|newest|one|ones|pic|picture|image|version|photo)\b[^,.;!?]*",
        r"\b(?:better|nicer|more|closer|prettier|cooler|cuter) than (?:the )?(?:first|second|third|last|other|original|previous|one|version|latest|newest)\b[^,.;!?]*",
        r"\bforget (?:the|that|about the) (?!whole|reference|style|ref\b|character|sheet|last|idea)[^,.;!?…]*",
        r"\b(?:neither|never) the [^,.;!?…:]{2,40}(?: nor the [^,.;!?…:]{2,40})?",
        r"\b(?:rather than|as opposed to|anything but|all but|not so much) (?:the|that) [\w' -]{2,24}?(?=, (?!and)|:)",
    ),
    "idle": (
        r"\b(?:i'?m|i am|we'?re|i'?ll|i will|we will|my \w+ will)\b",
        r"\b(?:he|she|they)(?:'ll| will)\b",
        (
            r"\b(?:let me|lemme|give me (?:a|one)|gimme a|i need (?:a|some)|hang on|hold on|bear with me|one|a|just a|wait a|half a) ?(?:think|sleep on (?:it|this)|"
            r"(?:sec(?:ond)?s?|min(?:ute)?s?|mo(?:ment)?|tick|bit|time|break|while)(?=\W*$|[,.!;]| (?:please|pls|to (?:think|decide|check)))|check|ask|talk|call|"
            r"look (?:for|through))\b(?! (?:in|of|at|hand)\b)"
        ),
        r"\b(?:brb|afk|back in (?:a (?:bit|sec|min|minute|moment|few|while|jiffy|tick)|five|ten|\d+)\b|be right back|talk later|later gator|gtg|got to (?:go|run)|gotta (?:go|run)|have to (?:go|run)|need to go)\b",
        r"\b(?:not sure(?: yet)?|undecided|no idea yet|still thinking|thinking about it|still (?:deciding|undecided)|can'?t decide(?: yet)?|haven'?t decided|i'?ll (?:think|sleep|ask|check|see|show|let you know|come back|get back))\b",
        r"\b(?:we|he|she|they|my \w+|our \w+|i|everyone|the \w+)(?:'ll|ll| will| is going to| are going to|'s going to|'re going to) (?:print|frame|hang|show|post|share|send|give|sleep|think|ask|love|use|be|order|wear|laugh|like|see|get|cry|kill|wait|decide|go|come|take|try|put)\b",
        (
            r"\b(?:walked|sat|stepped|jumped|typed|fell asleep|ran) (?:over|on|across|onto) (?:the|my) (?:keyboard|phone|laptop|tablet|ipad)\b|\b(?:wrong (?:window|"
            r"chat|tab|person)|by accident|pocket (?:typed|dial\w*)|autocorrect|typo|fat fingers|ignore (?:that|this|my) (?:last )?(?:message|text|one)?|"
            r"meant for (?:someone|somebody) else)\b"
        ),
        r"\b(?:i|we|she|he|they|my \w+|everyone|the \w+) (?:just |already |really |all )?(?:printed|framed|showed|shared|posted|sent|laughed|cried|loved|liked|smiled|voted|agreed|had to laugh|had a (?:good )?laugh)\b",
        r"\b(?:it'?s|its|it is) (?:late|bedtime|my birthday|raining|monday|tuesday|wednesday|thursday|friday|saturday|sunday|getting late|for my|for our|a (?:gift|present|surprise) for)\b",
        r"\b(?:fyi|just so you know|by the way|btw|fun fact|no need to (?:answer|reply|do anything)|just (?:saying|sharing|thinking out loud|chatting|kidding|joking))\b",
        r"^\W*(?:i'?m |am |just |still )*(?:thinking|deciding|pondering|checking|brainstorming|daydreaming)\W*$",
        r"^\W*(?:(?:ok|oh|sorry|please|pls|no)\b[, ]*){0,2}(?:hold on|hang on|hold up|bear with me)(?=\W*$|[,.!])",
    ),
    "from_there": (r"\b(?:from|with|off)\b",),
    "goes_on": (
        r"[,.;!]",
        r"\band\b",
    ),
    "politeness": (r"\b(?:please|pls|plz)\b",),
    "once_more": (
        r"\b(?:again|another look|one more look|one last look|a second look|one more time|one last time|look(?:ed|s)? like)\b",
        r"\bonce more\b",
        r"\bback\b",
        r"\breturn(?:ing)? to\b|\b(?:remind|refresh) (?:me|us|my memory)\b",
    ),
    "starts_question": (
        r"^\W*(?:(?:hey|hi|hello|so|and|but|ok|okay|um+|hm+|oh|wait|yo|sorry|also|thanks|great|cool|nice|btw|quick question|one question|question|well)\b[,.!:… ]*){0,3}(?:is|are|does|do|can|should|which|what|will (?:it|this|these|they)|am|did|was|how|where|who|when|why)\b",
    ),
    "speaks_of_oneself": (r"^\W*(?:i|my|we|just)\b",),
    "choosing": (
        r"\bbetween\b",
        r"\bor\b",
        r"\bwhich\b",
        r"\band\b",
    ),
    "which_of": (r"\bwhich (?:of|one)\b",),
    "picture_unit": (r"\b(?:pic\w*|image|photo|version|one|draft|attempt)s?\b",),
    "version_word": (
        r"\bversions?\b",
        r"\bvariations?\b",
        r"\bvariants?\b",
    ),
    "noun_first": (
        r"^\W*(?:now |next |then )?(?:a|an|one|two|three)\b(?! (?:little|bit|touch|tad|few|lot|versions?|variations?|variants?|bigger|smaller|more))",
    ),
    "scene_word": (r"\b(?:\w+ing|with|in|at|on|of|for|by|under|over|who|that)\b",),
    "several_versions": (r"\b(?:versions|variants|variations|options)\b",),
    "genre_head": (r"^[\w ,'&+-]*\b(?:of|for|with|style|art|:)",),
    "next_of_kept": (
        r"\b(?:draw|paint|sketch|illustrate|generate|create|next|scene|page|panel|new)\b",
        r"^\W*(?:(?:now|then|next|and)\W+)?(?:he|she|they)(?:'s| is| are)? (?:now )?(?!should|needs?\b|looks?\b|has\b|gets?\b|wears?\b|could|is\b|are\b|was\b|were\b|seems|must|wants|too\b|still|also|lacks)\w+(?:s|ing)\b",
    ),
    "within_itself": (r"\bwith a\b.* in it\W*$",),
    "as_well": (
        r"\btoo\b",
        r"\bas well\b",
    ),
    "also": (r"\balso\b",),
    "into_it": (r"\b(?:into|onto|on|in|to|with) (?:it|that(?! one)|this|there|him|her)\b",),
    "figure": (r"\bcharacter",),
    "each_of": (
        r"\bboth\b",
        r"\beach\b",
        r"\ball\b",
        r"\bthese\b",
    ),
    "like_this": (r"\blike this\b",),
    "joins_upload": (
        r"\b(?:next to|beside|into|onto|in the(?! same)|on the|with (?:her|him|them|the)|behind|together|from this|in this)\b",
        r"\b(?:put|place|add|stick|paint|print|hang|pop|sew|draw|set|mount) (?:this|that|it|the)\b[\w' -]{0,24}? (?:on|onto|in|into|over|behind|under|next to|beside|around) (?:his|her|its|their)\b",
    ),
    "untouched": (
        r"\b(?:haven't|have not|not yet|never) (?:touched|edited|changed)\b",
        r"\buntouched (?:one|two|pic)",
    ),
    "photo_word": (r"\bphoto",),
    "line_art": (r"\bphoto\b",),
    "only": (
        r"\bonly\b",
        r"\bjust the\b",
    ),
    "without_before": (r"\b(?:without|sans|no)\s*$",),
    "had_it": (r"^\W*(?:still )?(?:had|has|have|with) (?:it|that|them|those)\b",),
    "and_then": (
        r"\s(?:and|then|but|n)\s(?=(?:make|add|put|give|turn|change|have|let|do|crop|place|set|remove|draw|paint|zoom|write|use|try|cover|paint|deepen|stick|in it|\w+ (?:it|him|her|them))\b)",
    ),
    "but_also": (r"^[^,.;!?]{0,3}(?:but|without|with no|w/o|minus|sans|before|prior to|with neither|still without)\b",),
    "described": (r"\b(?:one|version|pic\w*|image|stage|state|photo) (?:with|that|where|which|having)\b[^.;!?]*$",),
    "negation": (
        r"\b(?:without|w/o|sans|minus|(?:with|has|have|had|but|and) no|(?:but )?not|no|doesn't have|does not have|hadn't)\b",
        r"\b(?:is|was|are|were)(?:n'?t| not)(?: (?:wearing|holding|carrying|having|any|got|there))*",
        r"\b(?:not wearing|not holding|hasn'?t(?: got)?|haven'?t(?: got)?|don'?t have|didn'?t have|lacking|lacks)\b",
    ),
    "own_place": (
        r"(?<!now )(?<!but )(?<!then )(?<!and )(?<!again )(?<!just )(?<!maybe )(?<!only )\b(?:on|of|in|at|under|by|over|inside|beside|with|riding|holding|wearing|for) (?:a|an|two|some|his own|its own)\b",
        r"\bwith [a-z]+s\b",
        r"\b(?:product shot|line art|pixel art|close-?up|oil painting|line drawing)\b",
    ),
    "onto_new": (
        r"\b(?:put|place|print|show|use|mock up|stick) (?:this|our|my|the|these|it)\b[^,.;!?]{0,40}\b(?:on|onto|into|in|as) (?:a|an)\b",
    ),
    "manner_of": (
        r"\bthe (?:same )?way (?:the|that|you)\b",
        r"\bin the (?:same )?style of\b",
        r"\bsame style as\b",
        r"\blike the \w+ (?:one|picture)\b",
    ),
    "label": (r"(?:page|panel|scene|chapter)\s?\w+",),
    "its_own": (
        r"\b(?:it|its|him|his|her|this|that)\b",
        r"\bsame\b",
    ),
    "step_named": (
        r"\b(?:undo|revert|take back|remove) the (?P<en>[\w' -]{2,30}?)(?: (?:step|change|bit|edit|part|thing))?(?=\W*$|[,.;]| and\b)",
    ),
    "side": (
        r"\b(?:the )?(?:(?P<left>left(?:most)?|left-hand)|right(?:most)?|right-hand) (?:one|pic\w*|image|version|option|photo|design|logo)\b",
        r"\b(?:option|version|design|variant|plan|choice|concept) (?P<letter>[a-d])\b(?! \w+ )",
    ),
    "first_few": (r"\bfirst (?:two|three|four|2|3|4)\b",),
    "at_it": (
        r"\b(?:on|in|behind|next to|over|under|beside|above|near|around|to|for|of) (?:him|her|them|his|its|their|this|that|there)\b",
        r"\b(?:in|on) it\b",
        r"\b(?:around|out of|with|from|over|under|behind|beside|inside|within|about) (?:it|them|him|her|this|that)\b",
    ),
    "place_in_picture": (
        r"\b(?:in|on|at|across|along) the (?:\w+ )?(?:corner|background|bg|foreground|middle|cent(?:er|re)|top|bottom|left|right|side|edge|front|back)\b(?! of\b)",
    ),
    "consistent": (
        r"\bconsistent with\b",
        r"\b(?:match|same .{2,30} as|like in|keep to)\b",
    ),
    "numbered_thing": (
        r"\b(?:door|room|house|bus|platform|player|track|level|channel|apartment|car|gate|figure|seat|table|jersey|shirt|boat|train|lane) $",
    ),
    "polite": (
        r"\b(?:what if|how about|what about|why not|why don'?t (?:we|you|u|i)|what abt|how abt|hows about)\b(?! (?:the|a) (?:ratio|size|format|price|copyright|licen[cs]e)\b)",
        r"\b(?:what|how) (?:would|will|wd|might) (?:it|he|she|they|this|that|the [\w' -]{2,30}?|my [\w' -]{2,20}?|his \w+|her \w+) look(?: like)? (?:with|without|in|if|as|on|next to|beside|behind|under)\b",
    ),
    "only_this": (
        r"\bnothing (?:but|except|else)\b",
        r"\bby (?:him|her|it|them)sel(?:f|ves)\b",
        r"\bon (?:its|his|her|their) own\b",
        r"\bjust (?:him|her|it|the|them)\b",
        r"\ball alone\b",
        r"\balone\b",
    ),
    "going_back": (r"\b(?:go|going|went|get|switch|return|revert|roll|jump|back) (?:\w+ )?(?:back )?to\b",),
    "tail_without": (
        r"^[\s,]*(?:but |just |only |and )?(?:the (?:one|version|pic\w*) )?(?:without|w/o|sans|minus|with no|that has no|not yet)\b",
    ),
    "replacing_verb": (r"\b(?:chang|swap|replac|turn|switch|recolou?r)\w*",),
    "adding_verb": (r"\b(?:add|put|giv|got)\w*",),
    "removing_verb": (r"\b(?:remov|delet|eras|drop|took|take)\w*",),
    "group_told": (
        r"\b(?:the|those|these|all) (?:first |last |other )?(?:two|three|four|five|six|[2-6]) (?P<en>(?!of\b|pics?\b|pictures?\b|images?\b|photos?\b|versions?\b|ones?\b)[\w'-]+(?: [\w'-]+)?) (?:ones|pictures|pics|images|photos|versions|cards|posters|logos|icons)\b(?:[^.;!?]{0,3}(?:without|with no)[^,.;!?]+)?",
        r"\b(?:the|those) (?:very )?(?:first|original|initial|starting) (?:set of )?(?:two|three|four|five|six|[2-6])\b(?! (?:letters|words|lines|digits))",
    ),
    "group_first": (r"\b(?:very )?first\b|\binitial\b|\bstarting\b|\boriginal\b",),
    "show_more": (
        r"\bwhere(?:'s| is| was| are| were)? (?:the|that) (?:one|version|pic\w*)\b",
        r"\blet me see that\b",
    ),
    "into_one": (
        r"\b(?:into|as) (?:a|one) (?:single |long |wide |horizontal |vertical |proper |little |big |tidy |neat |printable )*(?:strip|comic strip|spread|sheet|collage|grid|frieze|panorama|tableau|line-?up|banner|calendar|mural|composition|duet|card)\b",
        r"\binto (?:a |one )single\b",
        r"\b(?:out of|from) (?:these|those|them|both|the (?:two|three|four|lot|set|pair))\b",
        r"\bwith (?:the (?:whole )?lot|all of (?:them|these|those)|both of (?:them|these|those)|these two|those two)\b",
        r"\bmake (?:a|one) (?:comic )?(?:strip|spread|collage|grid|panorama|calendar) (?:out )?of\b",
    ),
    "group_word": (
        r"\bthe (?:whole |entire |full )?(?:set|lot|batch|series|bunch|trio|pair|quartet)\b(?! of\b)",
        r"\b(?:these|those) (?:two|three|four)\b",
    ),
    "person": (
        r"\b(?:man|woman|lady|girl|boy|guy|gal|fellow|kid|child|person|figure|character|creature|animal|hero|heroine|gentleman|dude|chap|granny|grandma|grandpa|couple|baby|beast)\b",
    ),
    "holds_to": (
        r"\b(?:stick(?:ing)? to|stay(?:ing)? true to|consistent with|going by|according to|model(?:l)?ed on|match(?:ing)?|as (?:shown )?(?:in|on)|stay(?:ing)? with|keep(?:ing)? to|per|after|off) (?:the|that|her|his|my|this|its)\b",
        r"\bonly from the\b",
    ),
    "manner_more": (
        r"\bthe way (?:the|that) [^,.;]{2,30}? (?:is|was|are|were|looks?)\b",
        r"\bin the (?:look|manner|spirit|technique|palette) of the\b",
    ),
    "draws_after": (r"\bto (?:draw|paint|sketch|make|create) (?:me )?(?:a|an|the)\b",),
    "spares": (r"\b(?:not|except|leave|keep|but not|apart from|unlike|other than)\b",),
    "each_apart": (
        r"\beach (?:one )?(?:on (?:its|their|his|her) own|separately|individually|by itself)\b|\b(?:separately|individually), not together\b",
    ),
    "subject": (
        r"^\W*(?:(?:and|now|but|ok|okay|also|so|then)\b[, ]*)*(?P<en>(?:the |my |our |that )?[\w' -]{3,24}?) (?:should|gets?|needs?|could|deserves|wants|must|has to|ought to)\b",
    ),
    "world": (
        r"^\W*when(?:'s| is| are| was| were| does| do)\b(?! (?:he|she|it|they|this|that)\b)",
        r"\bhow old is (?:the (?:city|town|country|tradition))\b",
    ),
    "suggests": (r"^\W*(?:and |ok |so |hm+,? )?what (?:if|about|abt)\b|^\W*how about\b",),
    "make_me": (
        r"\b(?:make|turn|draw) me (?:as |into |look like )?(?:a|an)\b(?!.*\b(?:with|of|from|using|for|based|out)\b)",
        r"\b(?:make|turn) (?:me|us|him|her|my \w+) (?:into|in|a|an|look)\b(?!.*\b(?:poster|logo|card|banner|flyer|sheet|sticker pack|version of)\b)",
    ),
    "mask": (r"\bmask(?:ed)?\b(?=.*\b(?:white|black|area|region|part|only|inside|where)\b)",),
    "wears": (r"\b(?:that|the|same) [\w' -]{2,24}? on (?:me|him|her|this|us|my \w+)\b",),
    "same_figure": (r"\b(?:panel|page|scene|frame) (?:\w+)\b[^.]{0,16}\b(?:same|still (?:the|him|her))\b",),
    "ahead": (
        r"^\W*(?:(?:ok|okay|now|and|so)\W+)*(?:in the one |on the one )?where (?P<en>(?!is\b|are\b|was\b|were\b|did\b|do\b|does\b|can\b|'s\b)[^,?]{4,40})(?=,)",
        r"\bthe (?:one|version|pic\w*|image) (?:that )?(?:i|we|you) (?:just |had |have )?(?P<en2>(?!mean|meant|want|like|love|need|prefer|sent|said|start|began|made|did|upload|gave|show|took|send|had|have|got)\w{2,}ed\b[^,.;:!?]{0,24})",
    ),
    "meant": (
        r"\bi (?:mean|meant)(?: to say)? (?=the|that|my|this|on|in|number|no\b)",
        r"\bi was (?:talking|speaking) about (?=the|that|my)",
    ),
    "able": (
        r"^\W*(?:(?:hey|hi|hello)\b\W*(?:\w{0,2}\W+)?)?(?:can|could|do) you (?:do|make|draw|handle|support|know) (?!an?\b|the\b|it\b|this\b|that\b|some\b|me\b|us\b|one\b|my\b|\d|two\b|three\b|her\b|him\b)\w+(?: \w+)?s\?",
        r"\bis it possible to\b[^.!]*\bhere\b\W*\?",
    ),
    "placed": (
        (
            r"\b(?:put|sit|seat|stick|hang|place|set|let|have|park|pop|drop|stand|lay|plant|mount|paint|print|"
            r"tuck|cross|float|perch|station|add|fit|slip|lean|rest|plop|plonk|nestle|slide|glue|pin|project) "
            r"(?P<what>(?:the|that|this|our|my) [\w' -]{2,30}?|(?:her|him|it|them)(?: \w+)?) (?:in(?:to|side)?|"
            r"on(?:to)?|on top of|at|behind|under|beneath|beside|next to|in front of|above|over|near|by|against|"
            r"through|to|across|around|among|between) (?P<where>(?:the|that|this|his|her|its|him|them|my) "
            r"?[^,.;:!?]*)"
        ),
    ),
    "lacking": (
        (
            r"\b(?:the|that|my) (?P<have>(?!one\b)[\w'-]+(?: (?!and\b|make\b|should\b)[\w'-]+){0,5}?) (?:but "
            r")?(?:without|minus|sans|with no|but no|but not|(?:(?:who|that|which) )?(?:isn'?t wearing|is not "
            r"wearing|not wearing|wasn'?t wearing|isn'?t holding|not holding|doesn'?t have|does not have|didn'?t "
            r"have|hasn'?t got|has no|had no)) (?:the |a |an |any |her |his |its |that )?(?P<en>[\w'-]+(?: "
            r"[\w'-]+)??)(?: yet)?(?= (?:i|we|you|should|could|can|would|make|put|add|needs?|gets?|is|was|next|"
            r"beside|and|in|on|with|please|yet|at|to|from)\b|\W*$|\s*[,.;:!?])"
        ),
    ),
    "leads_from": (
        r"^\W*(?:(?:now|ok|and|again)\W+)*(?:(?:use|using|work(?:ing)? from|following|based on|sticking to|stick to|going by) (?:the|that|this|my|her|his) (?:\w+ ){0,2}(?:sheet|reference|ref|turnaround|design|model|concept|guide)(?: again)?\s*[:,]|(?:from|off|after|per) (?:the|that|this|my|her|his) (?:\w+ ){0,2}(?:sheet|reference|ref|turnaround|design|model|concept|guide)(?: again)?\s*:)",
    ),
    "being": (
        (
            r"^\W*(?:(?:and|now|ok|then)\W+)*an? (?:[\w-]+ ){0,3}(?:dog|cat|puppy|kitten|fox|wolf|bear|rabbit|"
            r"bunny|owl|raven|crow|eagle|seagull|penguin|dragon|unicorn|horse|pony|lion|tiger|elephant|giraffe|"
            r"monkey|frog|toad|turtle|shark|whale|octopus|fish|hedgehog|squirrel|raccoon|otter|badger|knight|"
            r"samurai|ninja|wizard|witch|pirate|robot|astronaut|cowboy|viking|king|queen|princess|prince|elf|"
            r"dwarf|ghost|vampire|mermaid|alien|chef|ballerina|forest|castle|city|village|beach|desert|mountain|"
            r"island|lighthouse|spaceship)\W*$"
        ),
    ),
    "counts_inside": (
        r"\bhow many (?!(?:pictures|pics|images|versions|photos|turns|drafts|edits|changes|times|options|more)\b)\w+(?: \w+)? (?:does|do|did) (?:it|he|she|they|the \w+) have\b",
    ),
    "causes": (r"^\W*(?:(?:and|now|ok|then|please)\W+)*have (?:the|him|her|it|them|a|an|my|his)\b[^?]*$",),
    "liked_without": (
        r"(?<!look )(?<!looks )\b(?:liked?|preferr?(?:ed)?|better|nicer|cleaner|calmer|stronger|prettier|cuter|loved) (?:it |that |him |her |them )?(?:better |more |best )?(?:without|before) (?:the |a |any |all the )?(?P<en>[\w' -]{2,20}?)(?=[,.;:!?]| (?:and|but|so|please)\b|$)",
    ),
    "comparative": (
        r"^\W*(?:(?:a (?:bit|little|touch|tad)|much|even|way|slightly|make (?:it|him|her|that)) )?(?!paper|water|flower|monster|tiger|summer|winter|dinner|soldier|together|another|after|under|over|poster|panther|sister|brother|mother|father|dancer|singer|painter|river|tower)\w{3,}er(?: (?:please|pls|now|still))?\W*$",
    ),
    "known_figure": (
        r"^\W*(?:(?:and|now|ok|okay|then|next)\W+)*(?:the |that )?same (?!style|colou?r|size|pose|scene|place|spot|picture|image|thing|again|but|one|way|look|font|palette|background|layout|angle|idea|prompt)(?P<en>[\w' -]{3,30}?)(?:,? (?:but )?(?:now|this time|again)|,? (?:at|inside|riding|walking|sitting|standing|sleeping|running|playing))\b",
        r"\b(?:next|new|another|one more|second|third|fourth|last|final|a|an|one) (?:\w+ )?(?:page|panel|scene|frame|picture|image|pic|drawing|illustration|portrait|poster|postcard|shot)\b(?: of|:| with| showing| where| in which|,| -| —) ?(?:just |only )?(?P<en2>(?:the|our|that) [^.;:!?]+)",
        r"^\W*(?:(?:and|now|ok|then|next)\W+)*(?P<en3>(?:the|our) [^,.;:!?]{4,60}), (?:in )?(?:as )?(?:a |another )?new (?:pic|picture|image|one|panel|page|scene|drawing)\b",
        r"^\W*(?:(?:and|now|ok|then|next)\W+)*(?:page|panel|scene|frame) (?:[2-9]|two|three|four|five|six)\W+(?P<en4>(?:the|our) [^.;:!?]+)",
    ),
    "complaint": (
        r"^\W*(?:that|it|this|he|she)(?:'s| is| was| looks?| looked)\b[^,.;!?]*$",
        r"^\W*(?:(?:way|much|far|a bit|just|bit|a little|it'?s|its|that'?s|thats|looks|looked|looking|kinda|really|so|is|was)\W+)*(?:too|so|not (?:good|great|nice|right|what)|ugly|worse|weird|awful|horrible|wrong|odd|creepy|bad|cluttered|silly)\b[^,.;!?]*$",
    ),
    "plain": (
        r"\W*(?:the )?(?:plain|bare|blank|empty|unadorned|undecorated|basic|simple)(?: (?:one|version|pic\w*|image))?\W*",
    ),
    "lacks_suffix": (
        r"\b(?P<en>\w{3,})-?less\b",
        r"\bun-?(?P<en2>\w{2,}(?:ed|n|t))\b",
        r"\bnon-?(?P<en3>\w{3,})\b",
    ),
    "leads_after": (
        r"[,;—–-]\s*(?:(?:and|please)\s)?(?:following|using|use|per|as per|according to|sticking to|stick to|keeping to|keep to|based on|going by|true to|after|from|same|working from|match(?:ing)?|look at|see) ?(?:the|that|this|my|her|his|our)? ?(?:\w+ ){0,2}(?:sheet|reference|ref|turnaround|model sheet|concept|guide)(?: again)?(?: please)?\W*$",
    ),
    "hands_over": (
        r"^\W*(?:(?:ok|hi|hey|so|and|now)\W+)*(?:here(?:'s| is| are|s)|this is|these are|that's|meet)(?! (?:how|what|where|why|too|not)) (?:my |our |the |his |her |a |an )?[\w' -]{2,40}\W*$",
    ),
    "adds_first": (
        r"[,.;:!—–-]\s*(?:and |but |then )?(?:add|put|give|make|change|turn|remove|paint|draw|crop|replace|swap)\b",
    ),
    "photo_noun": (r"\bphoto",),
    "wish_begins": (r"\b(?:and|but|with|make|have|put|add|to)\b",),
    "praise_filler": (
        r"\b(?:you|so|much|very|for|the|it|this|that|a|lot|all|is|i|your|help|u|everyone|my|im|to|will|now)\b",
    ),
    "asked": (r"(?:^|(?<=[.!?] ))\W*(?:what|which|who|where|why|how)\b[^.!?]*",),
    "known_object": (r"^\s*(?:it|them|him|her|that|this|his|its|my|all|over|out)\b(?! own)",),
    "in_manner_of": (r"^\W*(?:and )?(?:as|with|in|on|for|like)\b",),
    "film": (_FILM,),
    "film_known": (
        (
            r"\b(?:the|this|that|these|those|my|your|its|our|each|every|both|all|last|previous|latest|newest|first|"
            r"(?<!\d )(?<!\d-)second|third|fourth)(?: (?!(?:of|in|to|for|as|and|into|from|with|a|an|one|by|on|pictures?|pics?|"
            rf"images?|photos?)\b)[\w'-]+){{0,2}} {_FILM}"
        ),
        rf"{_FILM} ?#?\d\b",
    ),
    "picture_known": (
        (
            r"\b(?:the|this|that|my|first|second|third|fourth|last|previous|latest|newest|original|initial|other|still)"
            r"(?: (?!(?:videos?|films?|clips?|movies?|animations?|of|in|to|a|an|look|like|and)\b)[\w'-]+){0,2}? "
            rf"{_PICTURES}\b"
        ),
    ),
    "animate": (
        r"\banimat(?:e|ing)\b",
        r"\b(?:get|have|make|want|need) [^,.;]{1,30}\banimated\b(?! (?:style|look|film|movie|character|series))",
        (
            rf"\b(?:make|let|have|get|want|see) {_THINGS}\b(?: [\w'-]+){{0,4}}? ?(?:to )?(?:move|moving|alive|come alive|"
            r"come to life)\b(?! (?:it|him|her|them|the|to (?:the (?:left|right|top|bottom|middle|cent\w+|fore\w+|back\w*)|"
            r"a)|up|down|over|closer|further|farther|away|behind|next|into|onto|in front|inside|outside|left|right|house|a "
            r"(?:bit|little) (?:to|up|down))\b)"
        ),
        r"\bbring(?:ing)? [^,.;]{1,40}? to life\b",
        r"\b(?:set|put|get|bring) [^,.;]{1,40}? (?:in|into) motion\b",
        (
            r"\b(?:add|give (?:it|him|her|them|this)) (?:some |a (?:bit|little) of |a little |subtle |slow |gentle )?"
            r"(?:motion|movement)\b(?! blur)"
        ),
        r"\b(?:starts?|begins?) moving\b",
    ),
    "into_film": (
        rf"\b(?:in)?to (?:an? |one )?(?:(?!the\b)[\w-]+ ){{0,3}}?{_FILM}",
        rf"\bas (?:an? )(?:[\w-]+ ){{0,2}}?{_FILM}",
    ),
    "film_of_it": (
        rf"{_FILM} (?:of|from|out of|with|about|based on|using) (?:all (?:of )?)?(?:it|this|that|them|these|those|him|her)\b",
        rf"\b(?:turn|make|convert|transform|change|render) (?:it|this|that|them|these|him|her)\b[^,.;]{{0,30}}{_FILM}",
    ),
    "film_of_several": (
        rf"\b(?:one|an?|a single) (?:[\w-]+ )?{_FILM} (?:of|from|out of)\b",
        rf"\binto (?:one|an?|a single) (?:[\w-]+ )?{_FILM}",
    ),
    "film_filler": (r"\b(?:short|quick|little|nice|looping|loop|moving|long|tiny|cool|turn|convert|transform)\b",),
    "not_film": (
        rf"\b(?:no|not|don'?t|do not|without|instead of|rather than)\b[^,.;]{{0,16}}?(?:{_FILM}|\banimat\w+)",
    ),
    "duration": (
        (
            r"(?<![\w.:])(?![5-9]0s\b)(?P<n_en>\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|"
            r"twenty|thirty|half a)[ -]?(?:s|secs?|seconds?|(?P<m_en>mins?|minutes?))\b(?:[ -]long\b)?"
            r"(?! (?:one|pic\w*|image|photo|version|draft))"
        ),
    ),
    "longer_by": (r"\s*(?:longer|shorter|more|extra|earlier|later|ago|less)\b",),
    "longer_by_before": (r"\b(?:by|another|an? extra|extra|additional|first|last|at|after|every|each) $",),
}
