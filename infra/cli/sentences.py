"""The program's own sentences in both languages, as the glossary has them; single words are in `words`, those about replays in `replay_words`.

Names in braces are figures. In English a number chooses the form of its noun: `{kinds:kind|kinds}` is "1 kind" or "1,200 kinds".
"""

from collections.abc import Mapping

from infra.cli.demo_sentences import DEMO

_VERBS: Mapping[str, tuple[str, str]] = {
    # any verb
    "simulated": ("this log is simulated: its times are told, not measured", "这是模拟日志：其中的时间由程序给定，并非实测"),
    "log begins": (
        "the log of the tenant {tenant!r} begins now; if there should be one already, look at --tenant and --home",
        "租户 {tenant!r} 的日志由此开始；若本应已有日志，请检查 --tenant 和 --home",
    ),
    "log is empty": (
        "the log of the tenant {tenant!r} is empty; if it should not be, look at --tenant",
        "租户 {tenant!r} 的日志是空的；若不应为空，请检查 --tenant",
    ),
    "read models": ("read models", "读模型"),
    "no such tenant": (
        ("there is no tenant {tenant!r} in {home}; the tenants there are: {named}. Nothing was begun. Name one with --tenant or DEALTRAIL_TENANT;"
        " a log is begun by {verbs}."),
        "{home} 中没有租户 {tenant!r}；现有租户：{named}。未新建任何内容。请用 --tenant 或 DEALTRAIL_TENANT 指明租户；新建日志用 {verbs}。",
    ),
    "no tenant at all": (
        "there is no tenant {tenant!r} in {home}, nor any other. Nothing was begun; a log is begun by {verbs}.",
        "{home} 中没有租户 {tenant!r}，也没有其他租户。未新建任何内容；新建日志用 {verbs}。",
    ),
    "no log in the database": (
        "no log has begun in this database, for the tenant {tenant!r} or any other. Nothing was begun; a log is begun by {verbs}.",
        "此数据库中还没有日志，既没有租户 {tenant!r} 的，也没有其他租户的。未新建任何内容；新建日志用 {verbs}。",
    ),
    "interrupted": (
        "interrupted; every command that was acknowledged is in the log, run the same again to go on",
        "已中断；凡已确认的命令都在日志中，再次运行同一命令即可继续",
    ),
}  # fmt: skip

_BOTH: Mapping[str, tuple[str, str]] = {**_VERBS, **DEMO}


class _Counted(int):
    """A number that a text in braces asks for by the forms of its noun: the first for one, the second for any other."""

    def __format__(self, spec: str) -> str:
        one, bar, several = spec.partition("|")
        return f"{int(self):,} {one if self == 1 else several}" if bar else int(self).__format__(spec)


def sentence(what: str, language: str, **figures: object) -> str:
    """Return a sentence in `zh` or `en` with its figures."""
    said = _BOTH[what][language == "zh"]
    counted = {
        name: _Counted(figure) if isinstance(figure, int) and not isinstance(figure, bool) else figure
        for name, figure in figures.items()
    }
    return said.format(**counted)


def sentences() -> Mapping[str, tuple[str, str]]:
    """Return everything there is to say, in English and in Chinese."""
    return _BOTH
