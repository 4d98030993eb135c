"""The rules of the language beyond types: each mistake has its place and a way out."""

import pytest

from conformance.catalogue import Catalogue

from .scenarios import HEAD, load, problems, scenario

CONNECT = "{as: alice, connect: {}}"
SENT = "{as: alice, send: {to: $chat}, save: m}"


@pytest.mark.parametrize(
    "steps",
    [
        ("{as: alice, connect: {auth: subprotocol}, save: c, match: {count: 0}}",),
        ("{as: alice, connect: {}, fails: unauthorized}",),
        ("{as: bob.laptop, login: {}}",),
        ("{as: alice, register: {}, fails: user_exists}",),
        ("{as: alice, connect: {}, fails: {code: M_FORBIDDEN}}",),
        ("{request: {method: GET, path: /healthz}, response: {status: 200}, save: r}",),
        ("{as: alice, request: {method: GET, path: '/c/${chat.conversation_id}'}}",),
        ("{request: {method: GET, path: /, headers: {x-a: '', X-b: \"a b\\tc\"}}}",),
        (CONNECT, "{on: alice, expect: {welcome: {}}, strict: true}"),
        (CONNECT, "{on: bob.phone, never: {message: {}}, until: barrier, proves: CONV-2}"),
        (CONNECT, "{on: alice, expect: {x-weather: {}}}"),
        (SENT, "{assert: {that: $m.seq, is: {$gt: 0}}}", "{barrier: {}}"),
        ("{repeat: {times: 2, as: n, steps: [{as: alice, send: {to: $chat, text: '${n}'}}]}}",),
        ("{as: alice, send: {to: $chat, length: $target.limits.max_text_length}}",),
        (
            "{together: [[{as: alice, send: {to: $chat}, save: a}],"
            " [{as: bob.phone, send: {to: $chat}, save: b}]]}",
            "{assert: {that: $a.seq, is: {$not: $b.seq}}}",
        ),
        (
            "{repeat: {times: 2, steps: [{as: alice, send: {to: $chat}, save: last}]}}",
            "{as: alice, delivered: {in: $chat, up_to: $last.seq}}",
        ),
        (SENT, SENT, "{as: alice, status_of: $m, match: {status: sent}}"),
        ("{restart_server: {}}", "{as: alice, devices: {}, save: d}"),
        ("{as: alice, send: {to: $chat, text: $canary}, match: {'${alice.user_id}': {}}}",),
    ],
)
def test_a_right_scenario_has_no_problem(steps: tuple[str, ...], catalogue: Catalogue) -> None:
    """The linter never stands in the way of what the language allows."""
    assert problems(scenario(*steps), catalogue) == []


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        # one verb
        ("{as: alice}", "12:5: a step has exactly one verb; this one has none"),
        ("{as: alice, connect: {}, drop: {}}", "this one has `connect` and `drop`"),
        # who
        ("{connect: {}}", "12:6: `connect` needs a device, named by `as`"),
        ("{expect: {sent: {}}}", "`expect` needs a device's inbox, named by `on`"),
        ("{on: alice, connect: {}}", "12:6: `connect` does not go with `on`: write `as`"),
        ("{as: alice, expect: {sent: {}}}", "`expect` does not go with `as`: write `on`"),
        ("{as: alice, barrier: {}}", "`barrier` does not go with `as`: leave it out"),
        ("{on: alice, together: []}", "`together` does not go with `on`: leave it out"),
        ("{as: alise, connect: {}}", "12:10: unknown actor `alise`: did you mean `alice`?"),
        ("{as: $alice, connect: {}}", "named as it is, without `$`"),
        ("{as: bob.fone, connect: {}}", "unknown device `fone`: did you mean `phone`? (of `bob`)"),
        ("{as: bob, connect: {}}", "`bob` has several devices: name one of `bob.phone`, `bob.la"),
        ("{as: carol, connect: {}}", "`carol` has no device"),
        # modifiers
        ("{as: alice, drop: {}, save: x}", "12:27: `drop` does not go with `save`"),
        (
            "{as: alice, delivered: {in: $chat, up_to: 1}, fails: zzz}",
            "`expect` the frame that comes",
        ),
        ("{request: {method: GET, path: /}, match: {}}", "put the pattern under `response`"),
        ("{as: alice, connect: {}, response: {}}", "`connect` does not go with `response`"),
        ("{as: alice, connect: {}, strict: true}", "`connect` does not go with `strict`"),
        ("{on: alice, expect: {sent: {}}, until: barrier}", "`expect` does not go with `until`"),
        ("{on: alice, expect: {sent: {}}, match: {}}", "put the pattern under the frame's type"),
        ("{on: alice, never: {sent: {}}}", "`never` needs `until: barrier`"),
        ("{as: alice, connect: {}, fails: zzz, save: y}", "what fails has no answer to `save`"),
        ("{as: alice, connect: {}, fails: zzz, match: {}}", "what fails has no answer to `match`"),
        # arguments
        ("{as: alice, send: {to: $chat, text: a, body: {}}}", "at most one of `text`, `length`"),
        ("{as: alice, create: {}}", "exactly one of `direct`, `group`"),
        ("{as: alice, create: {direct: $bob, group: []}}", "exactly one of `direct`, `group`"),
        ("{as: alice, bytes: {}}", "exactly one of `text`, `binary`"),
        ("{as: alice, bytes: {binary: '*'}}", "12:33: `binary` is not standard base64"),
        ("{as: alice, bytes: {invalid_utf8: 'é'}}", "`invalid_utf8` is not standard base64"),
        ("{request: {method: PUT, path: /, base64: x}}", "`base64` is not standard base64"),
        # what no HTTP can carry
        ("{request: {method: GET, path: v1.0/users}}", "12:35: `path` begins with `/`"),
        ("{request: {method: GET, path: 'http://a/b'}}", "`path` begins with `/`"),
        ("{request: {method: GET, path: /, headers: {'X y': a}}}", "no header can be called `X y`"),
        ('{request: {method: GET, path: /, headers: {x: "a\\nb"}}}', "has no line break"),
        ("{request: {method: GET, path: /, headers: {x: ' a'}}}", "no space at its beginning"),
        ("{request: {method: PUT, path: /, text: x, body: 1}}", "at most one of `body`, `text`"),
        ("{barrier: {wait: 3}}", "`barrier` takes no arguments"),
        ("{repeat: {times: two, steps: []}}", "`times` is a number or `$name`, not `two`"),
        # patterns
        ("{on: alice, expect: {mesage: {}}}", "12:26: unknown frame `mesage`: did you mean `mess"),
        ("{on: alice, expect: {sent: {id: {$regx: x}}}}", "12:38: unknown operator `$regx`"),
        ("{as: alice, devices: {}, match: {x: {$regex: '('}}}", "no regular expression"),
        ("{as: alice, connect: {}, fails: {$typ: x}}", "did you mean `$type`?"),
        ("{request: {method: GET, path: /}, response: {$eac: 1}}", "did you mean `$each`?"),
        ("{assert: {that: 1, is: {$gtt: 1}}}", "unknown operator `$gtt`"),
        # encryption
        ("{as: alice, publish_keys: {}}", "the scenario needs `e2ee`: keys and ciphertexts are"),
        ("{as: alice, send: {to: $chat, encrypt: olm}}", "the scenario needs `e2ee`"),
        ("{as: alice, tamper: {that: x, swap: [1, 2], without: 3}}", "at most one of `swap`"),
        ("{on: alice, expect: {sent: {}}, decrypted: {}}", "12:37: only a `message` is encrypted"),
        ("{as: alice, connect: {}, decrypted: {}}", "`connect` does not go with `decrypted`"),
        ("{as: alice, connect: {}, save: canary}", "`canary` is the scenario's canary"),
        # error codes
        ("{as: alice, connect: {}, fails: unautorized}", "12:37: unknown error code `unautorized`"),
        ("{as: alice, connect: {}, fails: {code: not_permited}}", "did you mean `not_permitted`?"),
        ("{on: alice, expect: {failed: {error: {code: bloked}}}}", "did you mean `blocked`?"),
        # claims
        ("{as: alice, connect: {}, proves: ORD-77}", "12:38: unknown requirement `ORD-77`"),
        ("{as: alice, connect: {}, proves: [RT-2, RT-99]}", "12:45: unknown requirement `RT-99`"),
        # names
        ("{as: alice, status_of: $mm}", "12:28: nothing is known as `mm` before this step"),
        ("{as: alice, send: {to: $chta}}", "did you mean `$chat`?"),
        (
            "{as: alice, profile: $bob.user}",
            "$bob.user: unknown member `user`: did you mean `user_",
        ),
        ("{as: alice, send: {to: $chat}, save: bob}", "`bob` is an actor: save under another name"),
        ("{as: alice, devices: {}, save: chat}", "`chat` is a conversation under `given`"),
        ("{request: {method: GET, path: /c/$chat}}", "write `${chat}` inside a longer one"),
        ("{assert: {that: $i, is: 0}}", "nothing is known as `i`"),
        ("{repeat: {times: $m.n, steps: []}}", "nothing is known as `m`"),
        ("{repeat: {times: 1, as: bob, steps: []}}", "`bob` is an actor: count under another"),
    ],
)
def test_a_mistake_in_a_step_has_one_clear_complaint(
    step: str, problem: str, catalogue: Catalogue
) -> None:
    """Exactly one: a second complaint about the same mistake would mislead."""
    found = problems(scenario(step), catalogue)
    assert len(found) == 1, found
    assert problem in found[0]


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("[DLV-1]", "[DLV-1, DVL-2]", "3:17: unknown requirement `DVL-2`: did you mean `DLV-2`?"),
        ("[groups, ", "[group, ", "4:9: unknown capability `group`: did you mean `groups`?"),
        ("devices: [phone]", "devices: [laptop]", "`bob` has the device `laptop` twice"),
        ("[phone]", "[password]", "a device cannot be called `password`"),
        (
            "direct: [alice, bob]",
            "direct: [alice, bop]",
            "unknown actor `bop`: did you mean `bob`?",
        ),
        ("direct: [alice, bob]", "direct: [bob, bob]", "`bob` is a member twice"),
        (
            "{direct: [alice, bob]}",
            "{direct: [alice, bob], encrypted: true}",
            "it is encrypted, so the scenario needs `e2ee`",
        ),
        ("direct: [alice, bob]", "direct: [carol, bob]", "`carol` creates it, and needs a device"),
        ("{direct: [alice, bob]}", "{}", "`chat` must be either `direct` or `group`"),
        ("bob]}", "bob], group: [bob]}", "`chat` must be either `direct` or `group`"),
        ("direct: [alice, bob]", "group: [alice], roles: {bob: admin}", "`bob` is no member"),
        ("bob]}", "bob], title: x}", "a direct conversation has no title"),
        ("  chat: {", "  alice: {", "`alice` is an actor already"),
    ],
)
def test_a_mistake_in_the_head_has_its_place(
    before: str, after: str, problem: str, catalogue: Catalogue
) -> None:
    """Actors, given conversations and claims are checked like steps."""
    found = problems(scenario(CONNECT, head=HEAD.replace(before, after)), catalogue)
    assert any(problem in each for each in found), found


@pytest.mark.parametrize(
    ("capability", "step"),
    [
        ("groups", "{as: alice, create: {group: [$bob]}}"),
        ("relations", "{as: alice, send: {to: $chat, relates_to: {relation: reply}}}"),
        ("restart", "{together: [[{restart_server: {}}]]}"),
        ("stop", "{stop_server: {}}"),
    ],
)
def test_a_scenario_says_which_capabilities_it_needs(
    capability: str, step: str, catalogue: Catalogue
) -> None:
    """A server without one would fail it, although it conforms."""
    head = HEAD.replace("needs: [groups, relations, restart, stop]", "needs: []")
    [problem] = problems(scenario(step, head=head), catalogue)
    assert f"the scenario needs `{capability}`" in problem
    assert problems(scenario(step), catalogue) == []


def test_a_given_group_needs_the_capability_too(catalogue: Catalogue) -> None:
    """Groups are optional, wherever they come from."""
    head = HEAD.replace("groups, ", "").replace("direct:", "group:")
    [problem] = problems(scenario(CONNECT, head=head), catalogue)
    assert problem == "10:9: a group is given, so the scenario needs `groups`"


def test_branches_do_not_see_each_others_names(catalogue: Catalogue) -> None:
    """Which branch comes first is nobody's promise."""
    step = (
        "{together: [[{as: alice, send: {to: $chat}, save: a}],"
        " [{as: bob.phone, delivered: {in: $chat, up_to: $a.seq}}]]}"
    )
    [problem] = problems(scenario(step), catalogue)
    assert "nothing is known as `a` before this step" in problem


def test_a_counter_is_known_inside_its_loop_only(catalogue: Catalogue) -> None:
    """Behind the loop it has no value that one could rely on."""
    loop = "{repeat: {times: 2, as: n, steps: [{assert: {that: $n, is: {$lt: 2}}}]}}"
    [problem] = problems(scenario(loop, "{assert: {that: $n, is: 2}}"), catalogue)
    assert problem.startswith("13:21: nothing is known as `n`")


def test_a_name_is_known_from_its_step_on(catalogue: Catalogue) -> None:
    """Not in the step that saves it, and not before."""
    found = problems(
        scenario("{as: alice, message: $m}", "{as: alice, message: $m, save: m}"), catalogue
    )
    assert [problem[:5] for problem in found] == ["12:26", "13:26"]


def test_a_step_with_wrong_types_is_not_blamed_twice(catalogue: Catalogue) -> None:
    """Its other rules wait until its types are right; its neighbours' rules do not."""
    found = problems(
        scenario(
            "{as: alice, conect: {}, save: c}", "{connect: {}}", "{assert: {that: $c, is: 1}}"
        ),
        catalogue,
    )
    assert [problem[:5] for problem in found] == ["12:17", "13:6:"]


def test_a_file_with_problems_is_not_played(catalogue: Catalogue) -> None:
    """Half-understood scenarios would give wrong verdicts."""
    assert load(scenario("{connect: {}}"), catalogue).variants == ()
