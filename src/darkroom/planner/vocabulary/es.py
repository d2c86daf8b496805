"""How one points at pictures and wishes for things in Spanish, without accents: ideas of `darkroom.planner.vocabulary`, each a list of patterns."""

from __future__ import annotations

_FILM = r"\b(?:videos?|videitos?|clips?|peliculas?|animacion(?:es)?|cortometrajes?|gifs?)\b(?! (?:games?|calls?|cameras?|cards?|chat|conference))"
"""What moves."""

WORDS: dict[str, tuple[str, ...]] = {
    "middle": (
        r"\b(?:el|la|al?) (?:imagen |foto |opcion )?del? (?:en )?medio\b(?! (?:ambiente|oriente|camino))",
        r"\b(?:el|la|al) de en ?medio\b",
        r"\b(?:la|el|opcion|imagen|foto) central\b",
        r"\b(?:la|el) del centro\b(?! de)",
    ),
    "first": (
        r"\b(?:al|del|desde el) (?:principio|inicio|comienzo)(?: de todo| del todo)?\b(?! de cero)(?! de (?:la|los|las|el) (?:pelicula|cuento|historia|libro|calle|camino))",
        r"\b(?:la|el) primerit[oa]\b",
        r"\b(?:la|el)? ?(?:mas )?primer[oa] de tod[oa]s?\b(?: l[oa]s?\b)?",
        r"\bprimerisim[oa]\b",
        r"\b(?:la|el) (?:imagen |foto |version )?que (?:hiciste|generaste|dibujaste|creaste|sacaste|me (?:diste|hiciste|mostraste|ensenaste|pasaste|mandaste)) (?:primero|al principio|de primeras|de primero|la primera vez|inicialmente)\b",
        r"\b(?:imagen|foto|fotito|version|dibujo|ilustracion|render|diseno|logo|cartel|poster|variante|opcion|propuesta|boceto|retrato|pantalla|fotografia|intento|resultado)(?:es|s)? inicial(?:es)?\b",
        r"\b(?:la|el) inicial\b",
        r"\b(?:la|el) que (?:empezamos|comenzamos|arrancamos|empece|partimos)\b",
        r"\b(?:con|por) (?:la|el) que (?:empezamos|comenzamos|arrancamos|empece|empezo todo|partimos)\b",
        r"\b(?:la|el) (?:de|del) (?:principio|inicio|comienzo|arranque)\b",
        r"\b(?:la|el) mas (?:antigu[oa]|viej[oa])\b",
        r"\bprimera version\b",
        r"\bpunto de partida\b",
    ),
    "upload": (
        r"\b(?:mis?|nuestr[oa]s?) (?:propi[oa]s? |primer[oa]? |segund[oa] )?(?:fot\w*|selfies?|imagen(?:es)?|dibujos?|retratos?|bocetos?|captura|archivo|escaneo|garabato)\b(?! (?:de perfil (?:para|con)))",
        (
            r"\b(?:la|el|los|las|lo|esa|ese|aquella) (?:(?:imagen|foto|fotito|version|dibujo|ilustracion|render|"
            r"diseno|logo|cartel|poster|variante|opcion|propuesta|boceto|retrato|pantalla|fotografia|intento|"
            r"resultado)(?:es|s)? |selfie |archivo |captura )?(?:original )?que (?:te |os |le |les )?(?:mande|"
            r"envie|pase|subi|adjunte|di|comparti|puse|cargue|mostre|traje|deje|hice yo|he (?:mandado|enviado|"
            r"pasado|subido|adjuntado|compartido)|acabo de (?:mandar|enviar|pasar|subir)|acabo de (?:mandarte|"
            r"enviarte|pasarte))\b"
        ),
        r"\bque (?:te |os |le |les )(?:mande|envie|pase|subi|adjunte|comparti|cargue|he (?:mandado|enviado|pasado|subido))\b",
        r"\bque (?:adjunte|adjunto|subi|cargue|he subido|he adjuntado)\b",
        r"\b(?:imagen|foto|fotito|version|dibujo|ilustracion|render|diseno|logo|cartel|poster|variante|opcion|propuesta|boceto|retrato|pantalla|fotografia|intento|resultado)(?:es|s)? (?:adjunt|subid|enviad|mandad|cargad)[oa]s?\b",
        r"\b(?:la|el) adjunt[oa]\b",
        r"\blo que (?:te )?(?:mande|envie|pase|subi)\b",
        r"\bmi selfie\b",
    ),
    "last": (
        r"\bultim[oa]s?\b(?! (?:cena|moda|toque|retoque|detalle|piso|planta|minuto|fila|vez|cosa|hora|generacion|cambio|pregunta|samurai|unicornio|tango|duda|momento|deseo|dia|noche))",
        r"\bmas (?:recientes?|nuev[oa])\b(?! (?:que|y))",
        r"\b(?:que )?acab(?:as|a|aste) de (?:hacer|sacar|generar|crear|dibujar|pasar|mostrar|mandar|ensenar|darme)\w*\b",
        r"\bacab(?:as|a) de\b",
        r"\b(?:la|el) de (?:ahora|recien|hace (?:un (?:rato|momento|ratito)|un segundo|nada)|ahorita|ahora mismo|hoy)\b",
        r"\brecien (?:hech|generad|sacad|cread|salid)[oa]\b(?! del? horno)",
        r"\b(?:la|el) mas reciente\b",
        r"\b(?:la|el) que (?:me )?(?:hiciste|sacaste|generaste|diste|pasaste) (?:recien|ahora|ahorita|hace (?:un (?:rato|momento)|nada)|ultimo|de ultimo)\b",
        r"\b(?:(?:imagen|foto|fotito|version|dibujo|ilustracion|render|diseno|logo|cartel|poster|variante|opcion|propuesta|boceto|retrato|pantalla|fotografia|intento|resultado)(?:es|s)? )actual(?:es)?\b",
    ),
    "last_but": (
        r"\b(?:la|el)(?: (?:imagen|foto|fotito|version|dibujo|ilustracion|render|diseno|logo|cartel|poster|variante|opcion|propuesta|boceto|retrato|pantalla|fotografia|intento|resultado)(?:es|s)?)? (?:anterior|previ[oa]) (?:a|de) (?:esta|este|esa|ese|la (?:ultima|actual|de ahora)|el ultimo)\b",
        r"\b(?:la|el) de antes (?:de|a) (?:esta|este|esa|ese|la (?:ultima|de ahora)|el ultimo)\b",
        r"\b(?:la|el) (?:que (?:hay|va|iba|esta) )?(?:justo )?antes (?:de|que) (?:la |el )?(?:ultim[oa]|esta|este|esa|ese)\b(?! cambio)",
        r"\bpenultim[oa]s?\b",
        r"\bantes de la ultima\b(?! \w)",
        r"\bla segunda (?:empezando )?por (?:el final|la cola|atras)\b",
        r"\bdos (?:imagenes|versiones|fotos) (?:atras|antes)\b",
        r"\bla de (?:hace dos|dos atras)\b",
        r"\b(?:la|el) antepenultim[oa]\b(?<!antepenultimo)(?<!antepenultima)",
    ),
    "previous_version": (
        r"\b(?:version|estado|imagen|paso|cambio|etapa|edicion|diseno) (?:anterior|previ[oa])\b",
        r"\b(?:la|el|lo|las|al?) (?:de |que (?:tenia|teniamos|habia) )?antes\b(?! (?:de|del|que|posible)\b)",
        r"\bantes (?:de|del) (?:eso|esto|hacer eso|(?:est?e|el|ese)? ?(?:ultimo )?(?:cambio|retoque|ajuste|paso|edicion)|(?:esa|la|esta) (?:ultima )?(?:edicion|modificacion))\b",
        r"\b(?:como|tal (?:y )?como) (?:estaba|era|lo tenia(?:s|mos)?|la tenia(?:s|mos)?|lucia|se veia|quedaba)(?: antes)?\b(?! (?:al|de|en|el|la))",
        r"\b(?:vuelv|volv|regres|retroced|retorn)\w*(?: (?:a|con|para))?(?: (?:el|la|lo))? (?:anterior|previ[oa]|antes|atras|de antes)\b",
        r"\b(?:un|1) (?:paso|cambio|paso hacia|pasito) (?:atras|para atras)\b",
        r"\b(?:deshaz|deshace|anula|revierte|quita) (?:el ultimo (?:cambio|paso)|lo ultimo|eso|esto)(?= y )",
        r"\bcomo antes\b(?! de)",
        r"\b(?:me gustaba|estaba|quedaba|se veia|molaba) (?:mas |mejor )?(?:como )?antes\b(?! de)",
        r"\bsin (?:ese|el|este) (?:ultimo )?cambio\b",
    ),
    "before": (
        r"\b(?:justo )?antes (?:de|del|que|de que) (?!(?:nada|eso|esto|ese|este|la ultima|ayer|navidad|empezar)\b)(?P<es>[^,.;:!?]+?)(?= y (?:pon|anad|agreg|haz|met|cambi|quit|que|dale|dibuj)| pero |[,.;:!?]|$)",
        r"\b(?:anterior|previ[oa]) (?:a|al) (?!(?:esta|este|esa|ese|la ultima)\b)(?P<es2>[^,.;:!?]+?)(?= y (?:pon|anad|agreg|haz|met|cambi|quit|que|dale|dibuj)| pero |[,.;:!?]|$)",
    ),
    "the_one": (
        r"\b(?:el|la|los|las|al|a la|a el|esa|ese|aquel|aquella) (?:de|del|con|que|sin|en|donde)(?! (?:te |os |le )?(?:mande|envie|pase|subi|antes|ahora|siempre|todos?|acabas|recien|abajo|arriba|haya|sea|se)\b)(?: el| la| los| las| un| una)? (?P<es>[^,.;:!?¿¡]+?)(?= y (?:pon|anad|agreg|haz|met|cambi|quit|que|dale|dibuj|pas|sub|baj|saca)| pero (?!sin|no|con)|[,.;:!?¿¡]|$)",
        (
            r"\b(?:imagen|foto|fotito|version|dibujo|ilustracion|render|diseno|logo|cartel|poster|variante|opcion|"
            r"propuesta|boceto|retrato|pantalla|fotografia|intento|resultado)(?:es|s)? (?:de|del|con|que|sin|"
            r"donde|en que|en la que)(?! (?:te |os |le )?(?:mande|envie|pase|subi|antes|ahora)\b) "
            r"(?P<es2>[^,.;:!?]+?)(?= y (?:pon|anad|agreg|haz|met|cambi|quit|que|dale|dibuj|pas|sub|baj)| pero "
            r"(?!sin|no|con)|[,.;:!?]|$)"
        ),
        r"\b(?:la|el|en la|en el|a la|al) (?:(?:imagen|foto|fotito|version|dibujo|ilustracion|render|diseno|logo|cartel|poster|variante|opcion|propuesta|boceto|retrato|pantalla|fotografia|intento|resultado)(?:es|s)?) (?P<es3>(?!original|anterior|previa|inicial|actual|central|mas|que|de|con|en|sin|y|a|por|para|adjunt)\w{4,})\b",
        r"\b(?:la|el) (?P<es4>roj[oa]|azul|verde|amarill[oa]|negr[oa]|blanc[oa]|rosa|morad[oa]|naranja|gris|marron|dorad[oa]|nocturn[oa]|nevad[oa]|oscur[oa]|clar[oa])(?= (?:pero|me|esta|pon|y|que|con|en|mola|gana)\b|[,.;:!]|$)",
    ),
    "of_several": (
        r"\bde (?:las|los|esas|esos|estas|estos|mis|tus) (?:ultim[oa]s )?(?:dos|tres|cuatro|cinco|seis|[2-6])(?: \w+)?\b",
        r"\bentre (?:las|los|esas|esos|estas|estos) (?:dos|tres|cuatro)\b",
    ),
    "here": (
        r"\b(?:esta|este)(?= (?:(?:imagen|foto|fotito|version|dibujo|ilustracion|render|diseno|logo|cartel|poster|variante|opcion|propuesta|boceto|retrato|pantalla|fotografia|intento|resultado)(?:es|s)?|mism[oa]|si|sobre|encima|pon|quita|anad|cambi|haz|en|a|con|de)\b|[,.;:!?]|$)(?! (?:bien|genial|perfect|chul|guap|lind|bonit|padre|listo|mejor))",
        r"\b(?:sobre|en|a|de|con) (?:esta|este)\b",
    ),
    "both": (
        r"\bamb[oa]s\b",
        r"\bcada un[oa]\b",
        r"\b(?:a )?(?:l[oa]s|es[oa]s|est[oa]s) (?:ultim[oa]s )?(?:dos|tres|cuatro|cinco|2|3|4|5)(?: ultim[oa]s)?\b(?! (?:gatos|perros|manos|ojos|pies|patas|orejas|alas|brazos|ruedas|puertas|ventanas|torres|arboles|lados|de la (?:tarde|manana|noche)|reyes|cerditos))",
        r"\btod(?:as|os)(?: (?:ellas|ellos|las (?:imagenes|fotos|versiones|opciones)|los (?:dibujos|disenos|logos|carteles|bocetos)))\b",
        r"(?:^|[,.;] ?)(?:a )?tod[oa]s(?=[,.;:!]|$| (?:en|a|con|mas|el|la|igual|iguales)\b)",
        r"\btanto (?:la|el) [^,.;]{2,30} como (?:la|el)\b",
        r"\buna por una\b",
        r"\blas dos\b(?! y)(?= (?:imagenes|fotos|versiones|en|a|con|mas|igual|juntas|ultimas)|[,.;!]|$)",
        r"\ba (?:l[oa]s|es[oa]s|est[oa]s) dos\b",
    ),
    "other": (
        r"\b(?:la|el|a la|al|en la|en el|con la|con el|de la|del) otr[oa]\b(?! (?:vez|dia|lado|mano|noche|tarde|extremo|punta|mitad|mundo|pierna|oreja|pata|ojo|brazo|manga))",
        r"\b(?:las|los|a las|a los) otr[oa]s(?: (?:dos|tres|cuatro))?\b(?! (?:personas|invitados|animales|gatos|perros|ninos))",
        r"\b(?:el|al) resto\b(?! (?:del?|de la|igual|como|dejalo|no))",
        r"\b(?:las|los) demas\b(?! (?:igual|no))",
        r"\blas que (?:quedan|faltan|sobran)\b",
    ),
    "them": (
        r"\b(?:junta|une|combina|mezcla|pon|met|fusiona|pas|haz|cambi|coloc|dej|convi[er]\w*|sient|mand|guard|reun|ensen|muestr)\w*(?:los|las)\b(?<!\blos)(?<!\blas)",
        r"\bell[oa]s\b",
        r"\bl[oa]s dos\b",
    ),
    "thanks": (
        r"\b(?:mil |muchas |muchisimas |un millon de )?gracias(?! (?:a|por (?:venir|acompanar|asistir))\b)",
        r"\bgraciass+\b",
        r"\b(?:te|se) lo agradezco\b",
        r"\bmuy amable\b",
        r"\bte (?:pasaste|luciste|has pasado|rifaste|amo)\b",
        r"\bgrax\b",
        r"\bgrac\b",
        r"\b(?:chao|chau|nos vemos|hasta (?:luego|pronto|manana|otra))\b(?! (?:que|el|la))",
        r"\beso es todo\b",
        r"\bya esta,? (?:gracias|perfecto|listo)\b",
        r"\bde (?:lujo|diez|10)(?=[!.,]|$)",
        r"\b(?:buen|gran|excelente) trabajo\b",
        r"\beres (?:un crack|la leche|el mejor|la mejor|lo mas|genial|un sol|un genio)\b",
        r"\bcrack(?=[!.]|$)",
    ),
    "praise": (
        (
            r"\b(?:vale|geniale?s?|perfect[oa]|bueno|buenisim[oa]|hola|guay|me (?:encanta|gusta(?! (?:mas|menos|"
            r"la|el|las|los|que|como|esa|ese))|fascina|mola)|venga|bah|uy|oye|a ver|excelente|estupend[oa]|"
            r"fantastic[oa]|fenomenal|maravillos[oa]|precios[oa](?!s?\w)|increible|brutal|espectacular|"
            r"impresionante|divin[oa]|hermos[oa](?=[!.,]|$)|dale|listo|ok(?:ey|is)?|okay|si+|sip|claro|de acuerdo|"
            r"ya(?=,)|j?a?(?:ja){2,8}j?|jeje+|jiji+|wow|guau|ay|uf+|mm+|hmm+|ehm?|eh|pues|bien|muy bien|que "
            r"(?:bonit[oa]|lind[oa]|chul[oa]|guap[oa]|guay|padre|chid[oa]|bien|bueno|cool|genial|hermos[oa]|"
            r"preciosidad|pasada|maravilla|risa|fuerte|grande|mon[oa]|tiern[oa]|belleza|locura|mal)(?: (?:quedo|"
            r"te quedo|ha quedado|esta|se ve|salio|queda))?|(?:te |me )?(?:quedo|ha quedado|esta|salio|se ve) "
            r"(?:muy |super |re |bien |tan |mas )?(?:bien|genial|perfect[oa]|padre|chid[oa]|lind[oa]|bonit[oa]|"
            r"chul[oa]|guap[oa]|buen[oa]|buenisim[oa]|precios[oa]|hermos[oa]|increible|brutal|espectacular|de "
            r"(?:lujo|10|diez)|padrisim[oa]|lindisim[oa])|padrisim[oa]|chid[oa](?=[!.,]|$)|buenaz[oa]|bacan|"
            r"chevere|barbar[oa]|espectaculo|lo siento|perdon[ae]?|disculp[ae]|mira|che|tio|tia|wey|guey|orale|"
            r"hijole|vamos|bravo|ole|ahi va|asi (?:si|mejor|me gusta)|mucho mejor|esta si|justo lo que queria|"
            r"justo eso|eso es|exacto|correcto|nop|nah|no)(?=\W|$)"
        ),
        r"\bbuen[oa]s (?:dias|tardes|noches)\b(?=[,.!]|$)",
        r"\bpor (?:favor|fa)\b",
        r"\bporf(?:a(?:vor|s)?|is?|avorcito)\b",
    ),
    "asking": (
        r"\b(?:que|cual(?:es)?|cuant[oa]s?|donde|quien(?:es)?|como es|como se|se ve|se ven|hay|lleva|tiene|por que|cuando|sale|aparece|esta|estan|son|es|sabes|ves|crees)\b.*[?]",
        (
            r"^\W*(?:oye,? |y |pero |entonces,? |por cierto,? |una (?:pregunta|duda)[,:]? )?(?:que (?:es|son|hay|"
            r"lleva|tiene|se ve|color|animal|hora|dice|pone|esta|estan|hace|raza|tipo|formato|tamano|proporcion|"
            r"resolucion|medida)|cual(?:es)? (?:es|son|de|tiene)|cuant[oa]s|donde (?:esta|estan|es|queda)|"
            r"quien(?:es)? (?:es|son|sale|esta)|de que color|a que|en que (?:ciudad|estilo|formato|sitio|mano|"
            r"lugar)|como (?:se llama|es)|por que)\b"
        ),
        r"\b(?:dime|decime|digame|cuentame|contame|explica(?:me)?|sabes|me dices|quiero saber|quisiera saber)(?: me)? (?:que|cual|cuant|donde|quien|de que|si|como|por que)\w*\b",
    ),
    "describe": (
        r"\bque (?:se ve|hay|es esto|es eso|pone|dice|ves|aparece)\b(?=.*[?]|$| en)",
        r"\bdescrib(?:e|ime|eme|elo|ela|irme|ir)\b(?! un)",
        r"\b(?:dime|decime|cuentame|contame|explicame|digame) (?:que|cual|cuant|donde|quien|de que|como|lo que)\w*\b",
        r"\bque (?:estilo|raza|color|animal|planta|tipo de)\b.*\b(?:es|son|tiene|tienen|lleva|sale)\b",
        r"\bdame una descripcion\b",
        r"\bhazme una descripcion\b",
    ),
    "show": (
        r"\b(?:muestr|mostr|ensen)[aeo](?:r)?(?:me|te|nos|sela|se)?(?:l[oa]s?)?\b",
        r"\b(?:muestre|ensene|muestren)(?:me|nos)(?:l[oa]s?)?\b",
        r"\bdeja(?:me|nos)? (?:volver a )?ver(?:l[oa]s?)?\b",
        r"\b(?:quiero|quisiera|me gustaria|puedo|podria|necesito|podemos|vamos a) (?:volver a |re)?ver(?:l[oa]s?)?\b(?! (?:un|una|mas|como queda|que pasa|algo|si|a)\b)",
        r"\ba ver (?:otra vez|de nuevo|la|el|esa|ese)\b",
        r"\b(?:saca|trae|pasa|manda|ensena|pon|vuelve a (?:mostrar|ensenar|sacar|poner|pasar|mandar|subir)|vuelv[ea] a (?:mostrar|ensenar|pasar|mandar))(?:me|nos)(?:l[oa]s?)?(?= (?:otra vez|de nuevo|la|el|esa|ese)\b)",
        r"\bvuelv[ea] a (?:mostrar|ensenar|sacar|pasar|mandar|poner)(?:me|nos)?(?:l[oa]s?)?\b",
        r"\b(?:devuelve|regrese|regresa|devuelva|devolve|recupera|restaura|trae)(?:me|nos)(?:l[oa]s?)?(?: de vuelta)?\b",
        r"\b(?:recupera|restaura|rescata)(?: de nuevo| otra vez)? (?:la|el|esa|ese)\b",
        r"\bcomo (?:era|estaba|quedaba) (?:la|el)\b",
    ),
    "again": (
        (
            r"(?:(?:y|no|mmm|pero|ahora|ok|pues|a ver|venga|mejor|quiero|quisiera|no me (?:convence|gusta|mola|"
            r"cuadra|termina de convencer)|no es eso|puedes|podrias|me (?:das|haces|pasas))[,. …]*){0,3}(?:otr[oa]|"
            r"otr[oa]s|una? mas|uno mas|otr[oa] mas|otra vez|de nuevo|nuevamente|una vez mas|repite(?:l[oa]|"
            r"me(?:l[oa])?)?|repeti(?:l[oa]|mel[oa])?|repita(?:l[oa]|mel[oa])?|repetir|repetimos|repitamos|"
            r"intentalo|intenta|proba|prueba|probemos|pruebe|intente(?:lo)?|hazl[oa]|hacel[oa]|hagal[oa]|"
            r"haceme(?:l[oa])?|hazme(?:l[oa])?|dale|dame|deme|tira|saca|sacame|regenera(?:l[oa])?|regener[ae]r?|"
            r"rehazl[oa]|rehacer|rehace(?:l[oa])?|vuelve a (?:intentarlo|hacerl[oa]|generarl[oa]|probar|tirar|"
            r"intentar)|volve a (?:intentarlo|hacerl[oa]|generarl[oa]|probar|tirar)|vuelva a (?:intentarlo|"
            r"hacerl[oa]|probar)|lo mismo|la misma|el mismo|igual|refresh|reintenta(?:r|lo)?)(?:[, ]+(?:otr[oa]|"
            r"otra vez|de nuevo|nuevamente|una vez mas|una? mas|uno mas|mas|vez|por favor|porfa|porfi|pls|plis|"
            r"version|opcion|variante|propuesta|alternativa|intento|imagen|foto|distint[oa]|diferente|igual|asi|"
            r"parecid[oa]|similar|desde el principio no|a ver|que tal|tirada|vuelta|prueba|dale|el intento|la "
            r"imagen|la misma|lo mismo)){0,4}[ ?!.…]*"
        ),
        r"(?:no me (?:convence|gusta|mola|cuadra|termina)[^,.;]{0,20}[,.;]? )?(?:prueba|proba|intenta|dame|hazme|quiero|genera|saca|tira|haceme)(?: con)? (?:otra (?:version|opcion|variante|propuesta|alternativa|distinta|diferente|mas)|otro (?:intento|diseno|mas|distinto)|algo parecido|una variante|una alternativa)(?: mas| distinta| diferente| por favor| porfa)?[ ?!.]*",
    ),
    "undo": (
        r"\bdesha(?:z|ce|cer|gamos|ga|cemos|zme)(?:l[oa])?(?:(?: el| lo| la)? ?(?:eso|esto|ultim[oa](?: (?:cambio|paso|edicion|modificacion))?|cambio|anterior))?\b(?! (?:la (?:trenza|cama|coleta|maleta)|el (?:nudo|mono|lazo)|los nudos))",
        r"\bdesace(?:r|lo)?\b",
        r"\bdehaz\b",
        r"\brev(?:ierte|ertir|iertel[oa]|ierta|ierteme)(?: (?:eso|esto|el (?:ultimo )?cambio|lo ultimo))?\b(?! (?:los|las) )",
        r"\banul(?:a|e|ar|al[oa]|emos)(?: (?:eso|esto|el (?:ultimo )?cambio|lo (?:ultimo|anterior)))?(?=\s*(?:[.!?,;…]|$|y\b|por favor|porfa|pls|mejor|por fi))",
        r"\bcancel(?:a|e|ar|al[oa]|emos)(?: (?:eso|esto|el (?:ultimo )?cambio|lo (?:ultimo|anterior)))?(?=\s*(?:[.!?,;…]|$|y\b|por favor|porfa|pls|mejor|por fi))",
        r"\b(?:vuelve|volve|vuelva|volver|volvamos|ve|regresa|regrese|regresar|regresemos|retrocede|echa|da|un paso|dale|tira) (?:un (?:paso|cambio) )?(?:para |hacia |pa )?atras\b(?! (?:del?|la|el|al)\b)",
        r"\bretrocede(?:r)?(?=\s*(?:[.!?,;…]|$|y\b|por favor|porfa|pls|mejor|por fi))",
        r"\bctrl ?\+? ?z\b",
        r"\b(?:vuelve|volve|vuelva|volver|volvamos|regresa|regrese|regresar|regresemos|retorna)(?: (?:a|al|a lo))?(?: (?:la|el|lo))?(?: (?:version|imagen|estado|paso|cambio|foto|dibujo))? (?:anterior|previ[oa]|de antes)(?=\s*(?:[.!?;…]|$|por favor|porfa))",
        r"\b(?:dejal[oa]|ponl[oa]|ponel[oa]|dejel[oa]|dejalo todo) (?:tal |otra vez )?como (?:estaba|era)(?: antes)?(?=\s*(?:[.!?;…]|$|por favor|porfa))",
        r"\b(?:olvida|borra|quita|descarta|elimina|ignora) (?:ese|el|este) (?:ultimo )?(?:cambio|retoque|ajuste)\b",
        r"\b(?:olvida|descarta|ignora|quita|borra) lo (?:ultimo|anterior|de (?:recien|ahora))\b",
        r"\bme arrepenti\b",
        r"\bmejor como (?:estaba|era)(?: antes)?(?=\s*(?:[.!?]|$))",
        r"\b(?:estaba|quedaba|se veia|me gustaba|molaba|lucia) (?:mucho )?(?:mejor|mas) (?:como )?antes(?=\s*(?:[.!?…]|$))",
        r"\bno,? (?:mejor )?dejal[oa] como (?:estaba|era)\b",
    ),
    "start_over": (
        r"\bningun[oa](?! (?:persona|gente|adorno|texto|letra|sombra|otr[oa]|color|elemento|animal|objeto|detalle|parte)\b)(?: (?:me|de|vale|sirve|mola|convence)|[,.;!]|$)",
        r"\b(?:empi|empe|comi|come|arran|reini|inici|volv|vuelv|part|retom|recomi|recome)\w* (?:todo )?(?:otra vez |de nuevo |a empezar |nuevamente )?(?:de(?:sde)? (?:el )?(?:cero|principio|nuevo|inicio|comienzo)|por el principio)\b",
        r"\b(?:vuelv|volv|vamos)\w* a (?:empezar|comenzar|arrancar)\b",
        r"\b(?:empieza|empecemos|comienza|empezamos|comencemos|arranca|arranquemos|empeza)(?: todo)? (?:otra vez|de nuevo)\b",
        r"\b(?:de|desde) cero\b(?! (?:grados|emisiones))",
        r"\bborron y cuenta nueva\b",
        r"\b(?:borra|tira|descarta|olvida|elimina|desecha|bota|boten)(?:l[oa]s?)?(?:te de)? tod[oa]s?\b(?= (?:y|e)\b|[,.;!]|$)",
        r"\bnada de (?:esto|eso) (?:me )?(?:sirve|vale|convence|gusta|mola)\b",
        r"\bno (?:me )?(?:gusta|convence|sirve|vale|mola|late) (?:ningun[oa]|nada)\b",
        r"(?<!de )\b(?:reinicia|reiniciar|reiniciemos|resetea|resetear|resetea todo)\b(?! (?:el (?:boton|router)))",
        r"\bpartamos de nuevo\b",
        r"\btabula rasa\b",
        r"\b(?:olvida|olvidemos|olvidate de) (?:todo|lo anterior|lo hecho|lo que llevamos)\b(?= y|[,.;!]|$)",
    ),
    "announce": (
        r"\bquedatel[oa]s? (?:de|como|para)\b",
        r"\bde ahora en (?:adelante|mas)\b",
        r"\b(?:a partir|desde) (?:de )?(?:ahora|aqui|ya|este (?:momento|punto))\b",
        r"\bde aqui en (?:adelante|mas)\b",
        r"\ben adelante\b",
        r"\bsiempre (?:que|us|con|est|pon|el mism|la mism|sal|dibuj|aparezc|sera|tiene que|debe)\w*\b",
        r"\ben lo sucesivo\b",
        r"\b(?:en|para|con|de) (?:tod[oa]s? (?:l[oa]s?|est[oa]s)|las|los|cada) (?:(?:proxim|siguient|demas|que (?:vien|sig|hag))\w*(?: \w+)?|(?:imagen|foto|vineta|escena|pagina|lamina|dibujo|ilustracion)(?:es|s)?(?: que (?:haga|venga|siga)\w*)?)\b",
        r"\b(?:quedat|queda|guard|record|recuerd|memoriz|conserv|mant[ei]|fij|acuerdat)\w* (?:de |con )?(?:est?[ea]|a est?[ea]|la|el|l[oa]) (?:\w+ )?(?:(?:como|para|de) (?:personaje|referencia|protagonista|estilo|modelo|base|mascota|guia)|para (?:lo que|las|los|tod)|(?:personaje|estilo|look|paleta|referencia) (?:para|en|siempre))",
        r"\b(?:usa|utiliza|usalo|usala|usar|usaremos|use|utilice)(?: a)? (?:est?[ea]|est[ea] \w+|l[oa])? ?(?:\w+ )?(?:como|de) (?:personaje|referencia|protagonista|modelo|guia|base)\b(?= (?:en|para|de) (?:tod|lo que|las|los|ahora|aqui|ahi|ade)|[.;!]|$)",
        r"\b(?:sera|va a ser|es) (?:el|la|mi|nuestr[oa]) (?:protagonista|personaje(?: principal)?|mascota) (?:de|en) (?:tod|l[oa]s? (?:seri|hist|cuent|com|proxim))",
    ),
    "release": (
        r"\bolvid(?:a|e|emos|ar|ate|ese|emonos|al[oa])\b",
        r"\bdej(?:a|e|emos|ar|al[oa])(?: ya)? (?:de (?:usar|utilizar|seguir|poner|meter)|ir|fuera|atras|libre)\w*\b",
        (
            r"\b(?:ya no|ya nada de|no (?:hace falta|necesito|quiero|uses|utilices|sigas|mas|use|metas|pongas)|"
            r"sin|nada de|fuera|adios|basta de|quita|quitemos|suelta|soltamos|libera|elimina|descarta|saca|"
            r"abandona|prescinde de|puedes (?:dejar|olvidar|soltar|quitar|prescindir)|podes (?:dejar|olvidar|"
            r"soltar)|se acabo|terminamos con|hemos terminado con|acabamos con|ignora|desactiva|cancela|retira|"
            r"aparca)\b"
        ),
    ),
    "reference_noun": (
        r"\b(?:referencias?|estilo|personajes?|protagonista|mascota|paleta|modelo|hoja|look|guia|ficha|plantilla|ejemplo|muestra|base)\b",
    ),
    "style": (
        r"\bestilos?\b",
        r"\bpaleta\b",
        r"\b(?:mism[oa]|con (?:la|el|esa|ese|esta|este)) (?:tecnica|tono|trazo|atmosfera|estetica|ambiente|iluminacion|look|colores|luz)\b",
        r"\b(?:a|en) la manera de\b",
        r"\bal estilo\b",
        r"\bestetica\b",
        r"\binspirad[oa] en\b",
        r"\b(?:asi|igual) (?:como|que) (?:est?[ea]|la|el)\b",
        r"\bcomo (?:est?[ea]) (?:foto|imagen|cuadro|dibujo)\b",
    ),
    "character": (
        r"\b(?:personajes?|protagonista|mascota|heroe|heroina|avatar|muneco|chic[oa]|nin[oa]|est[ea] (?:tipo|senor|senora|perro|gato))\b",
    ),
    "compose": (
        r"\bcollage\b",
        r"\bjunt(?:a|ar|e|en|ame|al[oa]s|emos|alos|alas|os|as)?(?:los|las|me)?\b(?! (?:al?|a la|con (?:su|el fondo)|del)\b)",
        r"\bcombin\w+\b",
        r"\bmezcl\w+\b",
        r"\b(?:en|dentro de) una? (?:sol[oa]|mism[oa]|unic[oa])\b",
        r"\b(?:une|unir|unel[oa]s|une(?:los|las)|una(?:los|las)|unilos|unilas|uni)\b",
        r"\bfusion\w+\b",
        r"\b(?:lado a lado|uno al lado del otro|una al lado de la otra|codo con codo|frente a frente|cara a cara|espalda con espalda|hombro con hombro|mano a mano|cogidos de la mano|de la mano|uno junto al otro|una junto a la otra)\b",
        r"\b(?:mism[oa]|unic[oa]) (?:imagen|foto|escena|cartel|poster|pagina|cuadro|lienzo|lamina|vineta|mesa|habitacion|sala|sofa|plano|encuadre|composicion|diseno|dibujo)\b",
        r"\b(?:diptico|triptico|fotomontaje|montaje|crossover|mashup)\b",
        r"\bfoto (?:de grupo|grupal|de familia)\b",
        r"\ben (?:fila|pareja|grupo)\b(?= |[,.]|$)",
        r"\b(?:que|hazlos|haz que) (?:se )?(?:abrac|pele|encuentr|salud|bes|enfrent|bail|brind|cho(?:qu|c)|conoz)\w+\b",
        r"\b(?:abrazad|peleand|brindand|bailand)\w+ (?:junt|con|entre)\w*\b",
        r"\b(?:integra|incorpora|inserta)\w* (?:la|el|al|a la) [^,.;]{2,30} (?:en|con) (?:la|el)\b",
        r"\buna (?:comparativa|comparacion)\b",
        r"\b(?:antes y despues)\b",
    ),
    "new": (
        r"\bahora (?:un|una|unos|unas|otro|otra(?! vez)|dibuja(?:me)?|dibuj[ae]\w*|haz(?:me)?(?= (?:un|una|otr))|hace(?:me)?(?= (?:un|una|otr))|quiero (?:un|una|otr)|necesito (?:un|una|otr)|vamos con (?:un|una)|genera(?: un| una|me)|crea (?:un|una)|pinta (?:un|una))\b(?! (?:poco|poquito|pelin|tono|toque|pizca))",
        r"\b(?:dibujo |imagen |foto )?aparte\b(?= *(?:[,.:;]|$|un|una|dibuj|haz))",
        r"\b(?:escena|vineta|pagina|panel|capitulo|lamina) (?:uno|dos|tres|cuatro|cinco|\d) ?:",
        r"\bescena (?:uno|dos|tres|\d)\b",
        r"\b(?:la |el )?siguiente (?:vineta|escena|pagina|imagen|panel|dibujo|lamina|ilustracion)?[:,]",
        r"\bla siguiente\b",
        r"\b(?:algo|cosa|tema) (?:completamente |totalmente |muy )?(?:nuevo|distint[oa]|diferente)\b(?=[,:.])",
        r"\bcambiando de tema\b",
        r"\bdesde otro (?:lado|tema)\b",
        r"\bpor (?:otro lado|separado)\b",
        r"\buna imagen (?:nueva|distinta|independiente)\b",
        r"\botra (?:imagen|ilustracion|foto|escena)(?= (?:con|de|donde|en la que|nueva|distinta|:))",
        r"\b(?:dibuj|hac|ha[zg]|cre|gener|pint|disen|ilustr|quier|prepar)\w*(?:me)? (?:tambien|ademas|ahora|aparte) (?:un|una|unos|unas)\b(?! (?:poco|version))",
        r"^\W*(?:y |ahora |despues |luego )*(?:tambien |ademas )(?:un|una|unos|unas) (?!poco|version)\w+(?! (?:en el|en la|al lado|detras|encima|sobre|debajo))[^,.;]{6,}$",
    ),
    "definite": (r"\b(?:el|la|los|las|del|al|su|sus|esta|este|ese|esa|fondo|ahi)\b",),
    "edit": (
        (
            r"\b(?:anad|agreg|agreg|quit|cambi|pon|pong|met|borr|pas|convi|recort|muev|mov|escrib|sub|baj|sac|"
            r"elimin|suprim|reemplaz|sustitu|aclar|oscurec|ilumin|difumin|desenfo|enfoc|ampl|agrand|reduc|achic|"
            r"encog|gir|rot|volt|refle|invier|inver|pint|colore|dal|dej|acerc|alej|quita|sient|sent|coloc|inclu|"
            r"incorpor|suaviz|aument|incrementa|disminu|ajust|corrig|correg|arregl|mejor|retoc|limpi|aline|alarg|"
            r"acort|estir|ensanch|redonde|engros|adelgaz|resalt|decor|adorn|rellen|tap|destap|abr|cierr|cerr|"
            r"despein|pein|desnud|envejec|rejuvenec|saturar|satur|desatur|simplific|transform|conviert|modific|"
            r"traduc|repit|hag|extiend|extend|completa|conserva|manten)(?:a|e|i|as|an|en|ar|er|ir|ame|eme|ime|ale|"
            r"ele|ile|ales|eles|al[oa]s?|el[oa]s?|il[oa]s?|anl[oa]s?|enl[oa]s?|asel[oa]s?|esel[oa]s?|amos|emos|ga|"
            r"gale|gal[oa]s?|gas|gan|le|les|l[oa]s?|me|mel[oa]s?|sel[oa]s?|nos|ta|te|tal[oa]s?|arl[oa]s?|"
            r"erl[oa]s?|irl[oa]s?|arle|erle|irle|arles|ye|yel[oa]s?|yele|n|zca|zcal[oa]|ce|cel[oa]s?|ue|uel[oa]s?|"
            r"gue|guel[oa]s?|guele)?\b"
        ),
        (
            r"\b(?:anad\w+|agreg\w+|quit[aeo]\w*|cambi[aeo]\w*|pon|pon[egl]\w*|pone\w*|pong\w+|mete\w*|meti\w*|"
            r"borra\w*|mas|menos|hazl[oa]s?|hacel[oa]s?|hagal[oa]s?|hazle|hacele|pas[ae]l[oa]s?|con|sin|que "
            r"(?:sea\w*|tenga\w*|lleve\w*|este\w*|salga\w*|parezca\w*|haya|se vea\w*|sonria\w*|mire\w*|quede\w*|"
            r"vaya\w*|diga|ponga)|convierte\w*|recorta\w*|mueve\w*|escrib\w+|dale|dal[ae]\w*|sacale|sacal[oa]|"
            r"fuera|en lugar de|en vez de|demasiad[oa]|muy|un poco|tantit[oa])\b"
        ),
    ),
    "changes": (r"\b(?:pon|anad|agreg|cambi|quit|met|borr|convi|hazl|sub[ei]l|baj[ae]l|sac[ae]l)(?!g?a?m[eo])\w*",),
    "of_focus": (
        r"\b(?:la misma|el mismo) (?:chica|persona|mujer|nina|gata|perra|chico|personaje|hombre|nino|gato|perro|robot|protagonista|tipo|senor|senora|monstruo|criatura|bruja|dragon|muneco|mascota)\b(?![^.;]*\b(?:pero (?:con|sin|mas)|en vez)\b)",
        r"^\W*(?:y |ahora )?(?:dibuja|pinta|ilustra)(?:l[oa]|l[oa]s)\b",
    ),
    "corrects": (
        r"\bme referia\b",
        r"\b(?:decia|esa no|ese no|esta no|este no)\b",
        r"\bno (?:era|es) (?:esa|ese|la|el)\b",
        r"\b(?:quise|queria) decir\b",
        r"\bhablaba de\b",
        r"\bte (?:has equivocado|equivocaste|confundiste|has confundido)\b",
        r"\bno (?:la|el) (?:de|del|que)\b",
        r"\b(?:la|el|los) (?:\w+) no,",
    ),
    "mistaken": (
        r"\bme referia\b",
        r"\bno (?:te )?(?:pedi|he pedido|dije|queria) (?:eso|que|cambiar)\b",
        r"\bte (?:has equivocado|equivocaste|confundiste)\b",
        r"\bno era (?:eso|esa|ese)\b",
        r"\b(?:queria|quise) decir\b",
    ),
    "referring": (
        r"\bbasad[oa] en\b",
        r"\busando\b",
        r"\ba partir de (?:la|el|esa|ese)\b",
        r"\b(?:como|igual que|parecid[oa] a|tomando) (?:la|el|en) (?:de|que|imagen|foto)\b",
        r"\bpartiendo de\b",
        r"\binspirad[oa] en\b",
    ),
    "given": (
        r"\b(?:un|una|unos|unas|con|mas|menos|algun|alguna)\b [^,.;:!?]*?(?=\b(?:al?|a la|a los|en (?:el|la|los|las|su)|del|de (?:el|la)|sobre|encima|detras|junto)\b|[,.;:!?]|$)",
    ),
    "square": (
        r"\bcuadrad[oa]s?\b(?! (?:de (?:la|una)|mandibula|gafas))(?<!mandibula cuadrada)(?<!gafas cuadradas)(?<!raiz cuadrada)(?<!metros cuadrados)(?<!mesa cuadrada)(?<!cara cuadrada)(?<!ventana cuadrada)",
        r"\b1 a 1\b",
        r"\b(?:en|formato) (?:un )?cuadrado\b",
    ),
    "tall": (
        r"\b(?:en|formato|version|orientacion|modo|a|sea|mas|dispuest[oa]|posicion) vertical(?:es)?\b",
        r"\b(?:imagen|foto|poster|cartel|lienzo|encuadre) vertical(?:es)?\b",
        r"^\W*vertical\b",
        r"\bverticalment?e?\b(?= [,.]|$)",
        r"\bfondo (?:de (?:pantalla )?|para )(?:de |del? |el |mi |tu |la )*(?:pantalla (?:de |del |para )?(?:el |mi )?)?(?:movil|celular|telefono|iphone|cel|smartphone|android)\b",
        r"\bwallpaper (?:de|para|del) (?:el |mi )?(?:movil|celular|telefono|iphone|cel)\b",
        r"\b9 a 16\b",
        r"\bpara (?:stories|historias|una historia|reels?|tiktok|un reel)\b(?= |[,.]|$)",
        r"\bformato (?:story|stories|historia|reel|retrato|movil)\b",
        r"\bmodo retrato\b",
        r"\bpantalla de bloqueo\b",
    ),
    "wide": (
        r"\b(?:en|formato|version|orientacion|modo|a|sea|mas|posicion) horizontal(?:es)?\b",
        r"\b(?:imagen|foto|poster|cartel|lienzo|encuadre) horizontal(?:es)?\b",
        r"^\W*horizontal\b",
        r"\bapaisad[oa]s?\b",
        r"\bpanoramic[oa]s?\b(?! (?:vista|terraza))",
        r"\bfondo (?:de (?:pantalla )?|para )(?:de |del? |el |mi |tu |la )*(?:pantalla (?:de |del |para )?(?:el |mi |la )?)?(?:ordenador|pc|escritorio|computadora|compu|portatil|laptop|monitor|mac)\b",
        r"\b16 a 9\b",
        r"\b(?:miniatura|portada) (?:de|para) (?:youtube|un video)\b",
        r"\bformato (?:cine|panoramico|widescreen|paisaje|ancho)\b",
        r"\bpantalla ancha\b",
    ),
    "gone": (
        r"\b(?:quit|borr|elimin|suprim|sac)(?:a|e|ar|al|en)(?:le|me|les|l[oa]s?|r)? (?:tambien |ahora |mejor )?(?:el |la |los |las |ese |esa |esos |esas |su |todo el |toda la )?[\w ]{1,20}?(?=[,.;:!?]|$| (?:y|de|del|en|con|que|para|por|pero|a|al)\b)",
        r"\bfuera (?:el|la|los|las) [\w ]{1,20}?(?=[,.;:!?]|$| (?:y|de|del|en|con)\b)",
        r"\bsin (?:el |la |los |las |ningun |ninguna )?[\w ]{1,20}?(?=[,.;:!?]|$| (?:y|pero|que|con|en|para)\b)",
        r"\b(?:en (?:vez|lugar) de(?:l)?|cambi\w+|reemplaz\w+|sustitu\w+) (?:el |la |los |las |l )?(?!fondo|color|texto)[\w ]{1,20}?(?= (?:por|con)\b|[,.;:!?]|$)",
        r"\bya no (?:lleve|tenga|haya|salga|quiero) (?:el |la |los |las )?[\w ]{1,20}",
    ),
    "changing": (
        r"\bhaz",
        r"\bcambi",
        r"\bcon[vb]i",
        r"\bpas[ae]l",
        r"\bque sea",
        r"\bahora\b",
        r"\bpint",
        r"\bponl[oa]",
        r"\ben (?:blanco|negro|rojo|azul|verde|otono|invierno|verano|primavera)\b",
    ),
    "polite": (
        (
            r"(?:^|[.!,;]\s*|\b(?:y|pero|oye|hola|entonces|ahora|porfa|por favor|che|mira) )\W*(?:¿)?\s*(?:(?:no |"
            r"nos |me |le |se |te |lo |la |los |las )*(?:puedes?|podes|podrias?|podria|podrian|podemos|pueden|"
            r"puede|podriamos|puedo|podras|podra)(?! (?:ver(?:se)?|leer|distinguir|reconocer|decirme|contarme|"
            r"explicarme|describir\w*|apreciar|imprimir|adivinar)\b)|y si|que tal si|que tal (?:con|un|una|sin|"
            r"mas|en)|que te parece si|se (?:puede|podria)(?! (?:ver|leer|distinguir|imprimir|usar|vender))|"
            r"(?:seria|es|sera) posible|quiza|te importa(?:ria)?|serias tan amable|me (?:haces|pones|cambias|"
            r"anades|agregas|quitas|das|pasas|haria|harias|sacas|dibujas|ayudas)|l[oae]s? (?:haces|pones|cambias|"
            r"quitas|anades|agregas|pasas)|hay (?:manera|forma|modo) de|te animas a|y con|como quedaria)\b"
        ),
        r"\b(?:quiero|quisiera|querria|me gustaria|necesito|prefiero|preferiria) (?:que|ver(?:l[oa])? con|un|una|mas|menos|cambiar|anadir|agregar|quitar)\b",
        r"\by si\b",
    ),
    "es_draw": (
        (
            r"\b(?:dibuj[aea](?:me|nos)?|haz(?:me|nos)?|disen[ae](?:me|nos)?|cre[ae](?:me|nos)?|gener[ae](?:me|"
            r"nos)?|pint[ae](?:me|nos)?|ilustr[ae](?:me)?|quiero|quisiera|querria|necesito|porfa|dame|deme|"
            r"hace(?:me|nos)?|hag[aa](?:me|nos)?|prepar[ae](?:me|nos)?|saca(?:me)|arma(?:me)|imagina(?:te)?|ponme|"
            r"me (?:haces|dibujas|creas|generas|pintas|disenas|das)|me (?:gustaria|encantaria)(?: tener| ver)?|"
            r"podrias? (?:dibujar|hacer|crear|generar|pintar|disenar)(?:me)?|puedes (?:dibujar|hacer|crear|"
            r"generar|pintar|disenar)(?:me)?|podes (?:dibujar|hacer|crear|generar|pintar|disenar)(?:me)?|vamos "
            r"(?:con|a por)|toca) (?:ahora |mejor |otr[oa] |tambien |ademas |por favor |porfa |aparte |a )?(?:un|"
            r"una|unos|unas|otro|otra(?! vez)|dos|tres|cuatro|el dibujo|la imagen de|algun|alguna|[2-9])\b(?! "
            r"(?:poco|poquito|pelin|tono|toque|version|variante|vez|pizca|retoque))"
        ),
        r"^\W*(?:ahora |y |luego |despues |tambien )*(?:dibuj[ae]|pint[ae]|ilustr[ae]|gener[ae]|cre[ae]|disen[ae])(?:me|nos)? (?:ahora |tambien |mejor )?(?!(?:el|la|los|las|lo|le|su|sus|encima|ahi|en|al|sobre|debajo|detras|a|mas|menos|un|una|este|ese|esta|esa)\b)\w{3,}",
    ),
    "ordinal": (
        r"\b(?:opcion|version|variante|propuesta|imagen|foto|numero|num\.?|nro\.?|n[ºo°]\.?|no\.|alternativa|diseno|boceto)\s?(?P<es2>[1-9])\b(?!\s?(?:x|:|por)\s?\d)",
        r"\b(?P<es3>[1-9])(?:ª|º|°|a|o|era|ero|da|do|ta|to)\b(?= |,|\.|$)(?! (?:planta|piso|calle|temporada|vez|fila))",
        r"^\W*(?:me quedo con |prefiero |elijo |me gusta (?:mas )?|quiero )?(?:el|la) (?P<es4>[1-9])(?=\W|$)(?! (?:de|por|x)\b)",
    ),
    "last_of": (
        r"\b(?:la|el) ultim[oa] de (?:las|los|esas|esos|estas|estos|la (?:tanda|serie|lista))\b",
        r"\bla ultima (?:opcion|propuesta|variante|alternativa)\b",
        r"\b(?:la|el) de (?:mas )?(?:a )?la derecha del todo\b",
        r"\bde (?:las|los|esas|esos) (?:dos|tres|cuatro|cinco|seis),? (?:la|el) ultim[oa]\b",
    ),
    "original": (
        r"\b(?:(?:imagen|foto|fotito|version|dibujo|ilustracion|render|diseno|logo|cartel|poster|variante|opcion|propuesta|boceto|retrato|pantalla|fotografia|intento|resultado)(?:es|s)? )?(?:tal (?:y )?como (?:estaba|era) (?:de|al) (?:principio|inicio))\b",
        r"\b(?:imagen|foto|version) (?:de )?(?:base|partida|origen)\b",
        r"\bsin (?:retocar|editar|modificar|tocar|retoques|cambios|filtros|editar)\b",
    ),
    "meta": (
        r"\bcuant[oa]s (?:\w+ ){0,2}?(?:imagenes|fotos|versiones|dibujos|llevamos|llevo|hemos|hiciste|has|van|hicimos|tenemos|tengo|me (?:has|quedan)|puedo|puedes|hay (?:hasta|ya|en total)|intentos|ediciones|creditos)\b",
        r"\b(?:que|cual es (?:el|la)(?: mejor)?|a que|en que) (?:\w+ )?(?:proporcion|formato|tamano|resolucion|medidas?|relacion(?: de aspecto)?|aspecto|dimension(?:es)?|tipografia|fuente|ratio|dpi)\b(?! (?:tiene|es) (?:el|la) (?:letra|cartel))",
        r"\b(?:formato|tamano|proporcion|resolucion|ratio|relacion de aspecto|medidas?)\b[^.;]{0,24}\b(?:mejor|recomiend\w+|conviene|ideal|adecuad[oa]|usa(?:r|n)?|va bien|viene bien|sirve|aconsej\w+|estandar|normal|correct[oa])\b",
        r"\b(?:suele|conviene|recomiendas?|recomendas|aconsejas|me sugieres)\b(?! (?:un|una) (?:gato|perro))",
        r"\bque (?:mas )?(?:sabes|puedes|podes|puede) hacer\b",
        r"\b(?:se puede|puedo|podria|podemos|me dejas|se podria) (?:imprimir|usar(?:la|lo|las)?|vender|publicar|descargar|subir|registrar|imprimirl[oa])\b",
        r"\b(?:cuanto (?:cuesta|vale|tarda|cobras)|es gratis|derechos de autor|uso comercial|comercialmente)\b",
        r"\b(?:quien|que) eres\b",
        r"\beres (?:una? )?(?:ia|robot|humano|persona|bot)\b",
        r"\b(?:guardas|recuerdas|conservas|almacenas)\b",
        r"\b(?:svg|psd|png o|o png|dpi|archivo vectorial)\b",
        r"\bhablas\b",
    ),
    "not_yet": (
        r"\b(?:todavia|aun) no (?:dibujes|hagas|generes|pintes|quiero|necesito|hace falta)\b",
        r"\bno (?:dibujes|hagas|generes|pintes|hace falta que (?:dibujes|hagas|generes)) (?:nada|todavia|aun|por ahora)\b",
        r"\b(?:por ahora|de momento) (?:no|solo)\b",
        r"\bluego te (?:digo|pido|cuento)\b",
        r"\bsolo (?:guard|record|recuerd|tenl)\w*\b",
    ),
    "place": (
        r"\b(?:mete|meti|meta|pon|pong|coloc|sient[ae]|senta|sube|subi|suba|pega|pegue|inserta|anad|integra|incorpor|monta|monte(?=l)|cuelga|colga|lleva|trae(?:l|r)|encaja|acomod|situa)\w*\b",
        r"\b(?:montad|sentad|subid|abrazad|encima|dentro|junto)\w* (?:en|de|a|al|del|sobre)\b",
    ),
    "alone": (r"\b(?:sol[oa]|solit[oa]|unicamente|por separado|a solas|sin nadie mas|nada mas)\b",),
    "pronoun": (
        r"\b(?:\w{2,}(?:dal|pon|hazl|cambial|quital|pasal)[oa]|(?:haz|pon|pas|cambi|quit|convierte|recort|gir|hac|dej)\w{0,3}(?:l[oa]|le)|esto|eso)\b",
    ),
    "introduced": (
        r"\best[aeo]s? (?:es|son) [^,.;]*",
        r"\b(?:mi|nuestr[oa]|mis) \w+",
        r"\b(?:aqui (?:esta|tienes|va)|te (?:mando|paso|presento|dejo|envio|adjunto)|adjunto|ahi (?:va|te mando)) [^,.;]*",
        r"\b(?:se llama|conoce a|ella es|el es) [^,.;]*",
    ),
    "not_that": (
        r"\b(?:no,? )?(?:esa|ese|esta|este|la|el) no\b(?=[,.;:!]|$)",
        r"\b(?:la|el) (?:de(?:l)?(?: la| el)? )?[\w ]{2,24} no(?=,)",
        r"\bno (?:me referia a|queria decir|decia|hablaba de|quiero|era|es|uses|toques|a)? ?(?:la|el|en la|en el|a la|al|las|los|esa|ese) (?:de|del|que|primer\w*|segund\w*|tercer\w*|cuart\w*|ultim\w*|anterior|otr[oa]|original)\b[^,.;!?]*",
        r"\bno (?:me referia a|queria decir|decia|hablaba de) [^,.;!?]*",
        r"\b(?:deja|dejen|deje) (?:el|la|los|las|lo) [^,.;!?]{2,30} (?:como esta|tal cual|en paz|igual|asi|quiet[oa]|tranquil[oa])n?\b",
        r"\bno toques (?:el|la|los|las) [^,.;!?]*",
        r"\b(?:mejor|mas bonit[oa]|mas guap[oa]) que (?:la|el) (?:primer|segund|tercer|ultim|anterior|otr|original)\w*[^,.;!?]*",
        r"\ben (?:vez|lugar) de (?:la|el) (?:primer|segund|tercer|ultim|anterior|otr|original|de)\w*[^,.;!?]*",
    ),
    "wanted_zh": (
        r"\b(?P<e2>dos|tres|cuatro|cinco|seis|[2-9]) (?:\w+ ){0,2}?(?:estilos|poses|encuadres|tamanos|angulos|modelos|iconos|carteles|ejemplos|combinaciones|expresiones|retratos|stickers|tarjetas|portadas|pruebas|muestras|enfoques) (?:distint[oa]s|diferentes|nuev[oa]s|para|de)\b",
    ),
    "known_zh": (
        r"\b(?:las|los|esas|esos|estas|estos|l[oa]s ultim[oa]s|mis|tus|otr[oa]s|las otras|ultim[oa]s|primer[oa]s|ambas|tod[oa]s las|de las|de los)\s$",
    ),
    "greeting": (
        r"\W*(?:hola+|holi+s?|buenas(?: (?:tardes|noches|dias))?|buenos dias|buen dia|que tal|que onda|que hay|ey|hey|saludos|hola (?:que tal|buenas|de nuevo|otra vez|a todos|como estas))(?:[ ,]+(?:que tal|como estas|amig[oa]|buenas|de nuevo|a todos))?\W*",
    ),
    "before_inside": (r"(?:\bpero )?\bantes (?:de|del|de que) (?:el |la |los |las )?([^,.;!?]+)",),
    "from_there": (r"\bde\b",),
    "goes_on": (r"\by\b",),
    "politeness": (r"\b(?:por favor|porfa)\b",),
    "once_more": (
        r"\botra vez\b",
        r"\bde nuevo\b",
    ),
    "choosing": (r"\by\b",),
    "which_of": (r"\bcual de\b",),
    "picture_unit": (
        r"\bimagen(?:es)?\b",
        r"\bfotos\b",
    ),
    "at_known_es": (r"\b(?:en|al|a|sobre) (?:el|la|los|las|su)\b",),
    "noun_first": (r"^\W*(?:un|una|dos)\b",),
    "scene_word": (r"\b(?:con|en|de)\b",),
    "next_of_kept": (r"\b(?:dibuja|escena|haz)\b",),
    "as_well": (r"\btambien\b",),
    "also": (r"\btambien\b",),
    "figure": (r"personaje",),
    "each_of": (
        r"\bambas\b",
        r"\blas dos\b",
    ),
    "like_this": (r"\bcomo est[ae]\b",),
    "joins_upload": (
        r"\bal lado\b",
        r"\ben (?:el|la)\b",
    ),
    "untouched": (r"\bsin tocar\b",),
    "photo_word": (r"\bfoto",),
    "only": (r"\bsolo\b",),
    "without_before": (r"\bsin\s*$",),
    "but_also": (r"^[^,.;!?]{0,3}(?:pero|sin)\b",),
    "negation": (r"\b(?:sin|pero sin|todavia no)\b",),
    "own_place": (r"\b(?:en|de|con|sobre) (?:un|una|dos)\b",),
    "its_own": (r"\b(?:este|esta|ese|esa|su)\b",),
    "first_few": (r"\bprimer[oa]s\b",),
    "label": (r"escena \w+",),
    "place_in_picture": (r"\b(?:en|al) (?:el |la )?(?:fondo|esquina|centro|medio|rincon)\b",),
    "consistent": (
        r"\bigual que\b",
        r"\bcoherente con\b",
    ),
    "only_this": (
        r"\bsol[oa]\b",
        r"\bunicamente\b",
    ),
    "going_back": (r"\b(?:volv\w+|vuelv\w+|regres\w+) a\b",),
    "tail_without": (r"^[\s,]*(?:pero )?sin\b",),
    "replacing_verb": (r"\bcambi\w*",),
    "adding_verb": (r"\b(?:anad|agreg|pon|pus)\w*",),
    "removing_verb": (r"\b(?:quit|borr|elimin)\w*",),
    "group_first": (r"\bprimer[oa]s\b",),
    "draws_after": (r"\bpara (?:pintar|dibujar|hacer|crear|ilustrar)\b",),
    "spares": (r"\b(?:salvo|excepto|menos|no)\b",),
    "world": (r"^\W*cuando (?:es|son|fue|cae)\b",),
    "suggests": (r"^\W*y si\b",),
    "mask": (r"\bmascara\b.*\b(?:zona|area|parte|blanc)",),
    "meant": (r"\b(?:me referia|me refiero|queria decir|hablaba) (?:a |de )?(?=la|el|al|del|esa|ese)",),
    "able": (r"\bse puede\w* [^?]*\baqui\b",),
    "liked_without": (r"\bme gustaba (?:mas )?sin (?:el |la |los |las )?(?P<es>[\w ]{2,20}?)(?=[,.;:!?]|$)",),
    "photo_noun": (r"\bfoto",),
    "praise_filler": (r"\b(?:y|muy|todo)\b",),
    "film": (_FILM,),
    "film_known": (
        (
            r"\b(?:el|los|del|al|ese|este|esos|estos|aquel|la|las|esa|esta|mi|tu|ambos)(?: (?!(?:de|del|en|a|un|una|como|"
            rf"imagen|foto|que|y)\b)\w+)? {_FILM}"
        ),
    ),
    "picture_known": (
        (
            r"\b(?:la|las|esa|esta|mi|primera|segunda|tercera|ultima)(?: \w+)? (?:imagen(?:es)?|fotos?|ilustracion(?:es)?)\b"
        ),
        r"\b(?:el|ese|este|primer|segundo|ultimo) (?:dibujo|retrato|boceto)\b",
    ),
    "animate": (
        r"\banim(?:a|ar|ame|ala|alo|alas|alos|arla|arlo|arme|amela|amelo|en|es|e)\b",
        r"\bse muevan?\b(?! (?:a|hacia|al)\b)",
        r"\b(?:dale|dar(?:le)?|ponle?|anade(?:le)?|agrega(?:le)?) (?:algo de |un poco de )?movimiento\b",
        r"\b(?:dale|darle|cobr[ae]n?) vida\b",
        r"\bpon(?:la|lo|er(?:la|lo)?)? [^,.;]{0,24}en movimiento\b",
    ),
    "into_film": (rf"\ben (?:un |una )?(?:\w+ )?{_FILM}",),
    "film_of_it": (
        rf"{_FILM} (?:de|con|a partir de) (?:esto|eso|ell[oa]s?)\b",
        rf"\b(?:convierte|convierta|haz|transforma|pasa|pon|cambia)l[oa]s?\b[^,.;]{{0,24}}{_FILM}",
    ),
    "film_of_several": (rf"\ben un (?:solo )?{_FILM}",),
    "film_filler": (r"\b(?:cort[oa]|breve|pequen[oa]|rapid[oa]|convierte\w*|transforma\w*|hacer|crea\w*|genera\w*)\b",),
    "not_film": (rf"\b(?:no|sin|en vez de|en lugar de)\b[^,.;]{{0,16}}?{_FILM}",),
    "duration": (
        (
            r"(?<![\w.:])(?P<n_es>\d{1,3}|un|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|quince|veinte|treinta|medio) "
            r"?(?:segundos?|seg|(?P<m_es>minutos?))\b"
        ),
    ),
    "longer_by": (r"\s*(?:mas|menos|antes|despues)\b",),
    "longer_by_before": (r"\b(?:otros|primeros|ultimos|cada|tras) $",),
}
