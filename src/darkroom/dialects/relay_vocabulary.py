"""The words of the relays that answer in prose, as data: a new word or language is a new row here.

Everything is compared in lower case, with emoji, quote marks and asterisks at the start of a line left out.
The first word of a row is the one that `TranscriptWriter` writes.
"""

from __future__ import annotations

from typing import Literal

from darkroom import errors

Language = Literal["zh", "en"]
Idea = Literal["queued", "running", "percent", "done", "failed", "reason", "task", "gen", "play", "download"]

WORDS: dict[Idea, dict[Language, tuple[str, ...]]] = {
    # A task waits. Stands at the start of a quoted line.
    "queued": {
        "zh": ("排队中", "排队", "等待中", "队列中", "已提交", "任务已提交"),
        "en": ("Queuing", "Queueing", "Queued", "In queue", "Waiting in queue", "Submitted", "Pending"),
    },
    # It is being made. Stands at the start of a quoted line.
    "running": {
        "zh": (
            "生成中",
            "正在生成",
            "绘制中",
            "正在绘制",
            "处理中",
            "正在处理",
            "渲染中",
            "图片生成中",
            "视频生成中",
        ),
        "en": ("Generating", "Processing", "Rendering", "Drawing", "Creating", "In progress"),
    },
    # What stands before a percentage.
    "percent": {
        "zh": (
            "进度",
            "生成进度",
            "当前进度",
            "任务进度",
            "视频生成进度",
            "图片生成进度",
            "已完成",
            "完成度",
        ),
        "en": (
            "Progress",
            "Generation progress",
            "Generation in progress",
            "Video generation progress",
            "Image generation progress",
            "Current progress",
            "Completed",
        ),
    },
    "done": {
        "zh": ("生成完成", "生成成功", "绘制完成", "任务完成", "已完成", "完成"),
        "en": ("Generation complete", "Generation completed", "Generated", "Completed", "Complete", "Done"),
    },
    "failed": {
        "zh": ("生成失败", "绘制失败", "任务失败", "视频生成失败", "图片生成失败", "错误"),
        "en": (
            "Generation failed",
            "Image generation failed",
            "Video generation failed",
            "Task failed",
            "Error",
        ),
    },
    "reason": {"zh": ("失败原因", "原因", "错误信息"), "en": ("Reason", "Failure reason", "Error message")},
    # Labels of ids, for ids whose own prefix says nothing.
    "task": {"zh": ("任务id", "任务 id"), "en": ("ID", "task_id", "task id", "task")},
    "gen": {"zh": ("生成id", "图片id"), "en": ("gen_id", "gen id", "generation id", "generation")},
    # Texts of links, anywhere in them.
    "play": {"zh": ("在线播放", "播放", "观看"), "en": ("Play online", "play", "watch")},
    "download": {"zh": ("点击下载", "下载"), "en": ("Download", "download")},
}

REASONING_HEADINGS = ("**reasoning:**", "**reasoning**:", "**思考过程：**", "**推理：**")
RESPONSE_HEADINGS = ("**response:**", "**response**:", "**回答：**", "**回复：**")

PLAN_KEYS = frozenset(
    {
        "prompt", "user_prompt", "ratio", "aspect_ratio", "gen_id", "size", "n", "referenced_image_ids",
        "image", "images", "image_url", "transparent_background",
    }
)  # fmt: skip
"""A JSON block at the start of an answer with one of these is a plan."""

MEDIA_PLACES = ("videos.openai.com/", "filesystem.site/cdn/", "oaidalleapiprodscus.blob.core.windows.net/")
"""What is in a URL of a known store of made media, whatever its extension."""

LOST_PICTURES = (
    "image upload err",
    "image upload error",
    "upload failed",
    "upload error",
    "图片上传失败",
    "上传失败",
)
"""What stands in place of a picture's URL when the relay has lost the picture."""

# Sentences that are the whole answer when nothing was made: all fragments of a row must be there.
REFUSALS: tuple[tuple[type[errors.UpstreamError], tuple[str, ...]], ...] = (
    (errors.ContentPolicyViolation, ("违反", "政策")),
    (errors.ContentPolicyViolation, ("违反", "规定")),
    (errors.ContentPolicyViolation, ("不支持", "写实人物")),
    (errors.ContentPolicyViolation, ("包含未成年人",)),
    (errors.ContentPolicyViolation, ("包含名人",)),
    (errors.ContentPolicyViolation, ("public_error_",)),
    (errors.ContentPolicyViolation, ("not allowed by our safety system",)),
    (errors.ContentPolicyViolation, ("rejected by the safety system",)),
    (errors.ContentPolicyViolation, ("rejected by our safety system",)),
    (errors.ContentPolicyViolation, ("violate", "content polic")),
    (errors.ContentPolicyViolation, ("violate", "usage polic")),
    (errors.ContentPolicyViolation, ("content policy", "able to generate")),
    (errors.ContentPolicyViolation, ("content policy", "can't generate")),
    (errors.UpstreamRateLimited, ("rate limit", "able to generate")),
    (errors.UpstreamRateLimited, ("rate limit", "able to create")),
    (errors.UpstreamRateLimited, ("rate limit", "can't generate")),
    (errors.UpstreamRateLimited, ("rate limit", "couldn't generate")),
    (errors.UpstreamRateLimited, ("请求过于频繁",)),
    (errors.UpstreamRateLimited, ("生成次数", "上限")),
    # The picture will be made later, in a chat that nobody here can see.
    (errors.UpstreamBroken, ("lots of people are creating images right now",)),
)

# Words in an error's own message or reason: one is enough. The first row that fits wins.
REASONS: tuple[tuple[type[errors.UpstreamError], tuple[str, ...]], ...] = (
    (
        errors.ContentPolicyViolation,
        (
            "input_moderation", "output_moderation", "moderation_blocked", "moderation", "content_policy",
            "content policy", "safety system", "safety_violation", "image_safety", "prohibited_content",
            "nsfw", "sexual", "prominent people", "usage policies", "违反", "违规", "敏感", "审核", "裸露", "色情",
        ),
    ),
    (
        errors.UpstreamRateLimited,
        (
            "rate limit", "rate_limit", "ratelimit", "too many requests", "(429)", "resource_exhausted",
            "insufficient_quota", "quota exceeded", "exceeded your current quota", "限流", "过于频繁", "达到上限",
        ),
    ),
    (errors.UpstreamTimeout, ("timed out", "timeout", "超时")),
    (
        errors.UpstreamRejected,
        (
            "invalid_request", "invalid parameter", "invalid size", "unsupported", "too long",
            "参数错误", "不支持",
        ),
    ),
    (errors.UpstreamBroken, ("internal error", "server error", "internal_error", "内部错误", "服务异常")),
)  # fmt: skip

QUOTE_COLON: dict[Language, str] = {"zh": "：", "en": ": "}
"""The colon after a label in a sentence."""
