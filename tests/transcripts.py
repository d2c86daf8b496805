"""Answers as relays write them: literal shapes with ids and URLs of our own."""

from __future__ import annotations

TASKS = [f"task_01kb{n}x7f3ze6r8t1v5m2q4w9ac{n}" for n in range(5)]
GENS = [f"gen_01kb{n}x8a5ze6r8t1v5m2q4w9ac{n}" for n in range(5)]
SAS = (
    "https://videos.openai.com/vg-assets/assets%2F{task}%2Fsrc_0.png?st=2026-04-03T01%3A55%3A56Z"
    "&se=2026-04-09T02%3A55%3A56Z&sks=b&sv=2018-11-09&sr=b&sp=r&spr=https%2Chttp&sig=1dmC3Xhm%2Bd%3D&az=x"
)
CDN = "https://filesystem.site/cdn/20260403/k0kVgLClcJyhH3Pybb5AInvsLptmQ{n}.png"
URLS = [*(SAS.format(task=task) for task in TASKS[:2]), *(CDN.format(n=n) for n in range(3))]
PROMPTS = ["画个牛马", "牛的脸上遮个布", "马的脸上遮个布", "牛的头上顶着锅盖", "锅盖上再加根筷子"]
EDITS = [None, 0, 0, 1, 3]
LINES = [
    "> 排队中.\n> 生成中..\n> 进度 14%.\n> 进度 44%.\n> 进度 74%.\n> 进度 83%\n> 生成完成 ✅\n",
    "> 排队中.\n> 生成中.....\n> 进度 15%.\n> 进度 23%.\n> 进度 64%..\n> 生成完成 ✅\n",
    "> 排队中.\n> 生成中.....\n> 进度 11%.\n> 进度 27%....\n> 进度 65%.\n> 生成完成 ✅\n",
    "> 排队中.\n> 生成中....\n> 进度 14%..\n> 进度 60%..\n> 进度 80%\n> 生成完成 ✅\n",
    "> 排队中.\n> 生成中.\n> 进度 50%\n> 进度 40%.\n> 进度 83%\n> 生成完成 ✅\n",
]


def plan(turn: int) -> str:
    edits = EDITS[turn]
    tail = "" if edits is None else f',\n  "gen_id": "{GENS[edits]}"'
    return f'```\n{{\n  "prompt": "{PROMPTS[turn]}",\n  "ratio": "1:1"{tail}\n}}\n```'


def turn(number: int) -> str:
    """One of the five answers of a conversation about one picture and its edits."""
    return (
        f"{plan(number)}\n\n\n\n> ID: `{TASKS[number]}`\n{LINES[number]}\n"
        f"> gen_id: `{GENS[number]}`\n\n![{GENS[number]}]({URLS[number]})"
    )


TURNS = [turn(number) for number in range(5)]

ENGLISH = (
    f'```json\n{{"prompt": "a cow", "ratio": "2:3", "n": 1}}\n```\n\n> ID: `{TASKS[0]}`\n> Queuing.\n'
    f"> Generating.....\n> Progress 14%.\n> Generation complete ✅\n\n> gen_id: `{GENS[0]}`\n\n"
    f"![{GENS[0]}]({URLS[2]})"
)
ALL = (
    '{"prompt":"a cow","referenced_image_ids":["file-7xJp"]}\n\n> 进度 **34%**\n\n'
    "![file_00000000a1](https://filesystem.site/cdn/20260301/Qw.png)\n\n"
    "[下载⏬](https://filesystem.site/cdn/download/20260301/Qw.png)\n"
)
EMOJI = (
    "> 🎨 生成中...\n\n![https://pro.filesystem.site/cdn/20260430/demo.png]"
    "(https://pro.filesystem.site/cdn/20260430/demo.png)\n\n"
    "[点击下载](https://pro.filesystem.site/cdn/download/20260430/demo.png)"
)
MOVIE = "https://videos.openai.com/vg-assets/assets%2Ftask_1%2Fmd.mp4?st=2026&sig=a%3D"
SORA = (
    '```json\n{"user_prompt": "a cow walks", "image_url": ""}\n```\n\n'
    f"> ID: `{TASKS[1]}`\n> 视频信息 480x854\n> 排队中.\n> 生成中..\n> 进度 50%.\n> 生成完成 ✅\n\n"
    f"![poster.webp](poster.webp)\n\n[在线播放▶️]({MOVIE})\n"
)
NUMBER = f"> gen_id: `{GENS[2]}`\n\n[100]({URLS[0]})"
GLUED = (
    '{"prompt":"a cow","size":"1024x1024"}I wasn\'t able to generate the image because there\'s a rate limit in '
    "place. Please try again in 5 minutes."
)
FENCED_VIDEO = "```html\n<video src='https://h.example/v/a.mp4' controls></video>\n```"
BARE_VIDEO = "<video src='https://h.example/v/a.mp4' data-media-id='7' controls style='max-width:100%'></video>"

POLICY = "content_policy_violation"
FAILURES = {
    "> 生成失败 ❌\n失败原因：input_moderation": POLICY,
    f"{plan(0)}\n\n> ID: `{TASKS[0]}`\n> 排队中.\n> 生成失败 ❌\n\n失败原因：output_moderation\n": POLICY,
    "❌ 生成失败: 图片检测系统认为内容可能违反相关政策": POLICY,
    "❌ Generation failed: Cloudflare challenge or rate limit (429) triggered. Try later.": "rate_limit",
    "> Generation failed ❌\nReason: the queue is on fire": "upstream_broken",
    "该任务的输入或者输出可能违反了OpenAI的相关服务政策，请重新发起请求或调整提示词进行重试": POLICY,
    "此内容可能违反了我们的内容政策。": POLICY,
    "此内容可能违反关于裸露、性内容或色情内容的相关规定。": POLICY,
    "当前不支持上传包含写实人物的图像。": POLICY,
    "图片中包含未成年人，请重新上传": POLICY,
    "PUBLIC_ERROR_PROMINENT_PEOPLE_FILTER_FAILED": POLICY,
    "Your request may contain content that is not allowed by our safety system. Please try change the prompt "
    "and image.": POLICY,
    GLUED: "rate_limit",
    "Processing image\n\nLots of people are creating images right now, so this might take a bit. We'll notify "
    "you when your image is ready.": "upstream_broken",
    "![one-hub-gemini-image](image upload err)": "upstream_bad_media",
}
