"""Conformance checks that every chip meets, those of plug-ins too.

    for name, check in mossy.testing.all_checks():
        check(mossy.chip("my_chip"))            # AssertionError says what does not hold

With pytest: `@pytest.mark.parametrize("name, check", all_checks())`.
"""

from mossy.testing.checks import Check, all_checks

__all__ = ["Check", "all_checks"]
