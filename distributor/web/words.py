"""The words of the pages behind a mail's links, in Chinese and English; templates never branch on the language.

Pure. `{}` stands, in this order, for the publication's name and the masked address where a text needs them.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from distributor.rendering.common import Tongue
from distributor.subscribers.model import Status

Trouble = Literal["lost", "link", "method", "form", "busy", "failure"]
"""Why there is no page: no such page, a link that is not ours, a wrong method, a form that cannot be read, no answer
from the database in time, our own mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderWords:
    """Everything that these pages say in one language."""

    other_language: str
    choose: str
    choose_for: str
    sections: str
    all_sections: str
    some_sections: str
    which_sections: str
    lists: str
    lists_help: str
    left: str
    save: str
    from_next: str
    nothing_chosen: str
    nothing_chosen_help: str
    gone_section: str
    no_more: str
    saved: str
    saved_sections: str
    saved_all: str
    saved_lists: str
    change_again: str
    unsubscribe: str
    unsubscribe_question: str
    unsubscribe_button: str
    unsubscribe_note: str
    rather_fewer: str
    unsubscribed: str
    unsubscribed_text: str
    unsubscribed_note: str
    resubscribe_text: str
    resubscribe_button: str
    resubscribed: str
    resubscribed_text: str
    to_preferences: str
    to_archive: str
    feeds_instead: str
    write_to_us: str
    standing: MappingProxyType[Status, str]
    standing_title: str
    trouble: MappingProxyType[Trouble, tuple[str, str]]


_CHINESE = ReaderWords(
    other_language="English",
    choose="选择栏目",
    choose_for="《{}》发到 {} 的邮件",
    sections="想收到哪些栏目？",
    all_sections="全部栏目（包括以后新增的）",
    some_sections="只要我选的栏目",
    which_sections="栏目",
    lists="您在这些名单上",
    lists_help="取消勾选，就不再收到发给该名单的邮件。全部取消等于退订。",
    left="已退出，勾选可重新加入",
    save="保存",
    from_next="保存后从下一期起生效。",
    nothing_chosen="一个栏目也没有选",
    nothing_chosen_help="请至少选一个栏目，或选“全部栏目”。如果不想再收到，请用页面下方的“退订”。",
    gone_section="其中有的栏目已经取消，请重新选择。",
    no_more="不想再收到任何邮件？",
    saved="已保存",
    saved_sections="从下一期起，{} 会收到这些栏目：",
    saved_all="从下一期起，{} 会收到全部栏目，以后新增的栏目也会收到。",
    saved_lists="名单",
    change_again="再改一改",
    unsubscribe="退订",
    unsubscribe_question="不再把《{}》发到 {}？",
    unsubscribe_button="确认退订",
    unsubscribe_note="立即生效，不需要登录，也不需要说明原因。",
    rather_fewer="只是想少收一些？可以只选感兴趣的栏目",
    unsubscribed="已退订",
    unsubscribed_text="《{}》不会再发到 {}。",
    unsubscribed_note="如果有一封正好在路上，它可能还会送到；之后就没有了。",
    resubscribe_text="点错了？可以马上恢复，栏目和名单都和原来一样。",
    resubscribe_button="恢复订阅",
    resubscribed="已恢复订阅",
    resubscribed_text="《{}》会继续发到 {}，栏目和名单与退订前相同。",
    to_preferences="选择栏目",
    to_archive="看往期",
    feeds_instead="不留邮箱也可以看：用阅读器订阅",
    write_to_us="需要帮助请写信到",
    standing=MappingProxyType(
        {
            "active": "《{}》正在发到 {}。",
            "ended": "{1} 目前不在《{0}》的任何名单上，不会收到邮件。下面的选择会保存下来。",
            "unsubscribed": "《{}》已不再发到 {}。",
            "removed": "应要求，《{}》已停止发到 {}。想恢复请和我们联系。",
            "bounced": "发到 {1} 的邮件被退回，《{0}》已停止发送。邮箱恢复后请和我们联系。",
            "complained": "{1} 把《{0}》报告为垃圾邮件，我们已停止发送。想恢复请和我们联系。",
            "erased": "《{}》不再发到 {}。",
        }
    ),
    standing_title="目前没有在发送",
    trouble=MappingProxyType(
        {
            "lost": ("没有找到这一页", "地址可能抄漏了。可以从首页找到每一期和每一篇文章。"),
            "link": (
                "这个链接不能用",
                (
                    "链接可能没有复制完整。请在收到的邮件里再点一次，或把整个地址复制到地址栏。"
                    "想退订，也可以直接写信告诉我们。"
                ),
            ),
            "method": ("不能这样打开", "请从邮件里的链接打开这个页面。"),
            "form": ("提交的内容无法读取", "什么都没有改动。请返回上一页再提交一次。"),
            "busy": ("现在很忙", "请过几分钟再试一次。重复提交没有关系。"),
            "failure": ("出了一点问题", "这是我们的问题，不是您的。请过一会儿再试。"),
        }
    ),
)
_ENGLISH = ReaderWords(
    other_language="中文",
    choose="Choose sections",
    choose_for="Mail of {} to {}",
    sections="Which sections would you like?",
    all_sections="All sections, also those added later",
    some_sections="Only the ones I choose",
    which_sections="Sections",
    lists="You are on these lists",
    lists_help="Clear a box to get no more mail for that list. Clearing all of them unsubscribes you.",
    left="left; tick to join again",
    save="Save",
    from_next="It counts from the next issue.",
    nothing_chosen="No section is chosen",
    nothing_chosen_help="Choose at least one, or “All sections”. To stop all mail, use “Unsubscribe” below.",
    gone_section="One of these sections no longer exists; please choose again.",
    no_more="No more mail at all?",
    saved="Saved",
    saved_sections="From the next issue on, {} gets these sections:",
    saved_all="From the next issue on, {} gets all sections, also those added later.",
    saved_lists="Lists",
    change_again="Change again",
    unsubscribe="Unsubscribe",
    unsubscribe_question="Stop sending {} to {}?",
    unsubscribe_button="Unsubscribe",
    unsubscribe_note="It takes effect at once; no login, no reason needed.",
    rather_fewer="Just too much? Choose only the sections you care for",
    unsubscribed="Unsubscribed",
    unsubscribed_text="{} is no longer sent to {}.",
    unsubscribed_note="A copy already on its way may still arrive; after that there will be none.",
    resubscribe_text="A slip? Undo it now: the same sections and lists as before.",
    resubscribe_button="Subscribe again",
    resubscribed="Subscribed again",
    resubscribed_text="{} goes to {} again, with the same sections and lists as before.",
    to_preferences="Choose sections",
    to_archive="All issues",
    feeds_instead="Read it without leaving an address: use a feed reader",
    write_to_us="For help write to",
    standing=MappingProxyType(
        {
            "active": "{} is sent to {}.",
            "ended": "{1} is on no list of {0} at present and gets no mail. Your choice below is kept.",
            "unsubscribed": "{} is no longer sent to {}.",
            "removed": "{} was stopped for {} on request. Write to us to begin again.",
            "bounced": "Mail to {1} came back, so {0} was stopped. Write to us once the mailbox works again.",
            "complained": "{1} reported {0} as spam, so we stopped. Write to us to begin again.",
            "erased": "{} is no longer sent to {}.",
        }
    ),
    standing_title="Nothing is being sent",
    trouble=MappingProxyType(
        {
            "lost": ("This page was not found", "The address may be incomplete. Every issue is on the home page."),
            "link": (
                "This link does not work",
                (
                    "It may have been cut short. Please click it again in the mail, or copy the whole address. "
                    "To unsubscribe you may also just write to us."
                ),
            ),
            "method": ("It does not open this way", "Please use the link in the mail."),
            "form": ("The form could not be read", "Nothing was changed. Please go back and send it again."),
            "busy": ("We are busy", "Please try again in a few minutes. Sending it twice does no harm."),
            "failure": ("Something went wrong", "It is our fault, not yours. Please try again later."),
        }
    ),
)


def reader_words(language: Tongue) -> ReaderWords:
    """Return the words in that language."""
    return _CHINESE if language == "zh-CN" else _ENGLISH
