"""Words: how a text is compared with what pictures were made from.

Latin words are compared by their stems, and forgiven one slip of the finger; Chinese, Japanese and Korean by
characters and pairs of them. Small words, which every request has, count for nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

Features = Mapping[str, float]
"""What a text is about: each feature with its weight, 0 to 1."""

_TRADITIONAL = (
    "這这個个圖图畫画剛刚來来後后們们樣样開开頭头換换變变還还讓让給给綠绿藍蓝紅红貓猫馬马鳥鸟魚鱼龍龙車车門门風风雲云電电燈灯書书寫写學学國国裡里裏里麼么嗎吗點点塊块條条幾几種种隻只雙双與与從从對对將将沒没過过為为"
    "於于會会說说話话請请謝谢聲声聽听見见視视顯显顏颜髮发發发麗丽長长東东邊边遠远進进運运動动設设計计細细體体號号數数無无處处場场間间關关陽阳陰阴樹树葉叶銀银鐵铁錯错鏡镜難难靜静題题類类騎骑雞鸡願愿額额飛飞飯饭餅饼"
    "鬆松麵面齊齐兩两傘伞傳传優优兒儿內内凍冻劍剑劃划勁劲區区協协單单嚴严圍围園园圓圆執执壓压壯壮夢梦夠够奪夺奧奥姊姐孫孙寶宝實实寬宽導导屬属島岛帥帅師师帶带幫帮廣广廟庙廳厅張张彈弹強强彎弯徑径復复應应懷怀戀恋戲戏"
    "戶户拋抛掛挂揮挥擁拥擇择擋挡據据擠挤擺摆攝摄斷断時时暈晕暫暂曆历業业極极構构槍枪樂乐標标樓楼機机橋桥檢检櫃柜歡欢歲岁歷历殘残殺杀毀毁氣气決决沖冲況况淚泪淨净淺浅減减測测湯汤溫温滿满漢汉漸渐潔洁濃浓濕湿灘滩灑洒"
    "燒烧爐炉爭争爺爷牆墙狀状獅狮獨独獎奖環环瓊琼產产畢毕異异當当療疗皺皱監监盤盘眾众睜睁礦矿禮礼稱称穩稳窩窝筆笔節节範范築筑簡简籃篮籠笼紀纪約约紋纹納纳紙纸級级紛纷純纯組组結结絕绝統统經经綁绑綜综緊紧緒绪線线編编"
    "緩缓縣县縮缩總总繞绕繪绘繼继續续纖纤罈坛罰罚羅罗義义習习聖圣聞闻聯联聰聪職职肅肃脫脱腦脑腳脚腫肿膚肤臉脸臟脏臨临興兴舉举舊旧艙舱艦舰艷艳藝艺藥药蘇苏蘋苹蘭兰虧亏蝦虾衝冲裝装複复襯衬覺觉觀观觸触訂订記记訊讯許许"
    "評评詞词試试詩诗該该詳详語语誌志認认誤误誰谁課课調调談谈論论諸诸謎谜講讲識识證证譜谱譯译護护讀读豎竖豐丰貝贝負负財财貢贡貨货責责貴贵買买費费貼贴賀贺資资賓宾賣卖質质賬账賽赛贈赠贏赢趕赶跡迹踐践軍军軟软輕轻載载"
    "輛辆輝辉輪轮輯辑輸输轉转農农辦办迴回連连週周遊游達达違违遙遥遞递適适遲迟選选遺遗鄉乡鄰邻釀酿釋释針针鈕钮鈴铃鉛铅銅铜銳锐錄录錢钱錦锦鍋锅鍵键鎖锁鎮镇鏈链鐘钟鑽钻閃闪閉闭閱阅隊队階阶隨随險险隱隐雖虽雜杂離离霧雾"
    "靈灵鞏巩響响頁页頂顶項项順顺須须預预領领顆颗顧顾飄飘養养館馆駕驾騰腾驗验驚惊髒脏鬥斗魯鲁鮮鲜鳳凤鴨鸭鵝鹅麥麦黃黄黨党齒齿齡龄"
)
_SIMPLER = {ord(old): new for old, new in zip(_TRADITIONAL[::2], _TRADITIONAL[1::2], strict=True)}

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_TOKEN = re.compile(rf"[{_CJK}]+|[a-z0-9]+(?:'[a-z]+)?")
_RUN = re.compile(r"[\u30a0-\u30ff]{2,}|[\u3400-\u9fff\uac00-\ud7af]+")
_HAN_OR_KANA = re.compile(rf"[{_CJK}]")
_FILLER = re.compile(
    "|".join(
        "使用 生成 之前 这个 那个 一个 一下 一点 一些 一样 一起 一张 一幅 一只 那张 这张 那版 这版 图片 照片 "
        "画面 里面 上面 下面 旁边 版本 方案 可以 能不能 有没有 还是 然后 不要 需要 帮我 麻烦 谢谢 改成 换成 "
        "变成 做成 加上 加个 去掉 放到 放在 再来 现在 刚才 刚刚 最新 最后 之前 以后 之后 怎么 什么 "
        "ください お願い します してください している いただけ もらえ ように みたい 画像 写真".translate(
            _SIMPLER
        ).split()
    )
)
_SMALL_CHARS = frozenset(
    "的了又再把给让请我你他她它这那哪条张个只幅版稿款一二三四五六七八九十两几下吧呢啊呀嘛吗哦哈在有是和与跟及也都还就刚才要想改修成加换变图画照片上里中"
    "些点来去用做弄不没无别能会可以看得着过到为对从被比很太更最大小多少前后左右边面样种次回出发先后起说话将其之所而且或但与子儿啦咯哒滴么之已尚"
    "のをにはがでとてしたいですますもかられるそあこどなよねけへばりっうくきみんさえおわめやせちょゃゅ"
)
_SMALL_WORDS = frozenset(
    "a an the of to in on at with w and or but it its this that these those one ones make made makes "
    "please pls plz change edit add put "
    "now again i you u me my your our we us he him his she her they them their is are be was were been "
    "let lets give gimme "
    "take get got go going do does did done have has had can could would will want need needs should may "
    "might just only "
    "also too as well so very more less much many some any all both each every other another same new next then than "
    "picture pictures image images photo photos pic pics version versions draft drafts option options variant variants "
    "draw paint create generate show see look looks like use using from for by up out off over into onto back before "
    "after first second third last latest original what which who where when how why there here if not no dont didnt "
    "yes ok okay hey hi thanks thank really actually still keep turn set bit little lot most im its thats whats id ill "
    "behind under between above below near around inside outside through across along against beside "
    "upon within during yet still ever "
    "once quite rather such only own else away down front corner side part thing way time also even "
    "never always something anything "
    "el la los las un una unos unas de del al y o en con sin por para que es son mi tu su se lo le les me te nos mas "
    "muy este esta esto ese esa eso haz hazme hazlo pon ponle quita dibuja imagen foto version otra otro".split()
)
_ENDINGS = ("ings", "ing", "edly", "ed", "ies", "es", "s", "ly", "er")
_BLACK_AND_WHITE = re.compile(
    r"\b(?:black (?:and|n|&|'n'|'n) white|b ?& ?w|monochrome|greyscale|grayscale|blanco y negro)\b|黑白|白黒|モノクロ"
)
_AFTER_ONE = ("子", "儿")
_BEFORE_ONE = ("小", "老", "只", "头", "匹", "条")
"""Beside these a character is a word of its own: 小猫, 兔子."""

_SINGLE = 0.5
_SLIP = 0.8
_SLIP_LENGTH = 4
_BEGINNING = 5


def simplified(text: str) -> str:
    """Return a text with simplified characters for traditional ones, which Japanese shares."""
    return text.translate(_SIMPLER)


def fold(text: str) -> str:
    """Return a text in lower case, with simplified characters and half-width signs, and of the same length."""
    plain = "".join(map(_fold_char, text.translate(_SIMPLER)))
    plain = _SPACED_ORDINAL.sub(lambda match: f"第{match[1]}{match[2]}".ljust(len(match[0])), plain)
    return _SLIPS.sub(lambda match: _SLIP_OF[match[0]], plain)


_SPACED_ORDINAL = re.compile(r"第\s?(\d{1,3})\s?([页格张幅章回集版个])")


_POINTERS = (
    "the that this and now with again before after first second third last latest original undo back "
    "what which where both above "
    "below behind picture pictures image photo poster version remove change make draw show without instead white black "
    "background other previous start over please thanks their there these those should would could"
).split()
"""Words that the rules go by; their letters are put in order where two have changed places."""

_SLIP_OF = {
    word[:at] + word[at + 1] + word[at] + word[at + 2 :]: word
    for word in _POINTERS
    for at in range(len(word) - 1)
    if word[at] != word[at + 1]
}
for _word in (*_POINTERS, "form", "sued", "hte", "htat", "onw", "won", "tow", "three"):
    _SLIP_OF.pop(_word, None)
_SLIP_OF["hte"] = "the"
_SLIPS = re.compile(r"\b(?:" + "|".join(sorted(_SLIP_OF)) + r")\b")


@lru_cache(maxsize=4096)
def _fold_char(char: str) -> str:
    plain = unicodedata.normalize("NFKC", char)
    plain = plain if len(plain) == 1 else char
    if "\u00c0" <= plain <= "\u024f":
        plain = unicodedata.normalize("NFD", plain)[0]
    lowered = plain.lower()
    return lowered if len(lowered) == 1 else plain


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Return a Latin word without its ending: `boxes` and `box`, `knitting` and `knit` are one."""
    word = word.partition("'")[0]
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + ("y" if ending == "ies" else "")
            word = word[:-2] if ending == "s" and word.endswith("er") and len(word) > 4 else word
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


_SAME = {
    word: stem(words[0])
    for words in (
        (
            "text word write writing letter lettering caption title say inscription wording headline tagline 字 "
            "文字 标题 写 texto letra"
        ).split(),
        "glass shade sunglass spectacle 眼镜 墨镜".split(),
        "christma xma".split(),
        "dog doggo puppy pup 狗 狗狗 perro".split(),
        "cat kitty kitten 猫 猫咪 gato".split(),
        "bird parrot".split(),
        "bg background 背景 fondo".split(),
        "night nighttim 夜 夜景 夜晚 晚上 noche".split(),
        "day daylight daytim 白天".split(),
        "car automobil".split(),
        "gold golden 金".split(),
        "big large bigger larg".split(),
        "gray grey".split(),
        "wide widescreen landscap 横 横版 横屏 横图".split(),
        "tall vertical 竖 竖版 竖屏 竖图".split(),
        "square 方 正方 方图".split(),
        "color colour coloriz colouriz 上色 彩色".split(),
        "red rojo".split(),
    )
    for word in map(stem, words)
}
"""Words that are one for the comparison, by their stems."""


_SMALL_STEMS = frozenset("add remov chang turn mak tak put show".split())


def features(text: str) -> dict[str, float]:
    """Return what a folded text is about."""
    found: dict[str, float] = {}
    for token in _TOKEN.findall(_FILLER.sub(" ", _BLACK_AND_WHITE.sub(" bw ", text))):
        if _HAN_OR_KANA.match(token):
            for run in _RUN.findall(token):
                if "\u30a0" <= run[0] <= "\u30ff":
                    found[run] = 1.0
                else:
                    _pairs(run, found)
        elif token not in _SMALL_WORDS and stem(token) not in _SMALL_STEMS and (len(token) > 1 or token.isdigit()):
            found[stem(token)] = 1.0
    return {_same(feature): weight for feature, weight in found.items()}


@lru_cache(maxsize=8192)
def _same(feature: str) -> str:
    """Return the word that stands for all that mean the same, also for one with a slip in it."""
    if feature in _SAME or len(feature) < _SLIP_LENGTH or not feature.isascii():
        return _SAME.get(feature, feature)
    return next((same for word, same in _SAME.items() if len(word) > _SLIP_LENGTH and _is_slip(feature, word)), feature)


def _pairs(run: str, found: dict[str, float]) -> None:
    for at, char in enumerate(run):
        if char in _SMALL_CHARS:
            continue
        alone = run[at + 1 : at + 2] in _AFTER_ONE or run[max(0, at - 1) : at] in _BEFORE_ONE
        found[char] = max(found.get(char, 0.0), 1.0 if alone else _SINGLE)
        if at + 1 < len(run) and run[at + 1] not in _SMALL_CHARS:
            found[run[at : at + 2]] = 1.0


def likeness(asked: Features, told: Iterable[str]) -> float:
    """Return how much of what is asked for is told: the sum of the weights of what both have."""
    known = told if isinstance(told, set | frozenset) else frozenset(told)
    return sum(weight * hit(feature, known) for feature, weight in asked.items())


def hit(feature: str, known: frozenset[str] | set[str]) -> float:
    """Return 1 where a feature is among those known, less where it nearly is, else 0."""
    if feature in known:
        return 1.0
    if len(feature) > 2 and "\u30a0" <= feature[0] <= "\u30ff":
        return _SLIP if any(feature in other for other in known) else 0.0
    if len(feature) < _SLIP_LENGTH or not feature.isascii() or feature.isdigit():
        return 0.0
    return _SLIP if any(_is_slip(feature, other) or _begins(feature, other) for other in known) else 0.0


def _begins(one: str, other: str) -> bool:
    """Tell whether a word is the beginning of another: `candle` of `candlelight`."""
    short, long = sorted((one, other), key=len)
    return len(short) >= _BEGINNING and long.startswith(short)


def _is_slip(one: str, other: str) -> bool:
    """Tell whether two words differ by one letter: too much, missing, wrong, or swapped with its neighbour."""
    if abs(len(one) - len(other)) > 1 or len(other) < _SLIP_LENGTH or not other.isascii():
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    a, b = one[start:], other[start:]
    return a[1:] == b[1:] or a == b[1:] or a[1:] == b or (a[:2] == b[1::-1] and a[2:] == b[2:])
