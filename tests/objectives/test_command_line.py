"""Command lines: words, placeholders, flags, and a shell where one is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hpo_bridge import Categorical, Float, Int, Space
from hpo_bridge.errors import ObjectiveError
from hpo_bridge.objectives.command import CommandObjective
from hpo_bridge.objectives.objective import objective_from

SPACE = Space(
    lr=Float(0, 1),
    bn=Categorical([True, False]),
    optimizer=Categorical(["adam", "sgd"]),
    momentum=Float(0, 1, when={"optimizer": "sgd"}),
    nesterov=Categorical([True, False], when={"optimizer": "sgd"}),
    deep=True,
)
PARAMS = {"lr": 0.1, "bn": True, "optimizer": "adam", "deep": True}
EVIL = """x'; touch pwned; $(touch pwned) `touch pwned` "$HOME" * \\"""


def command(text, **more):
    objective = objective_from({"command": text, **more})
    assert isinstance(objective, CommandObjective)
    return objective


def words(text, params=PARAMS, **more):
    """The arguments that the program of a command gets."""
    return command(text, **more)._parsed.line(params, 7)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a --x={lr} 'b c' \"d $\" e\\ f '' g\"h\"",
         ["a", "--x=0.1", "b c", "d $", "e f", "", "gh"]),
        ("a \\\n  --lr {lr} \\\n  b\n", ["a", "--lr", "0.1", "b"]),
        ("a \\\n  --lr {lr} \\\n", ["a", "--lr", "0.1"]),
        ("a be\\\nta", ["a", "beta"]),
        ("a '|' \\> \"&&\" '$HOME' \\~ '*.csv' \"\\$x\" '`' \\# \\;",
         ["a", "|", ">", "&&", "$HOME", "~", "*.csv", "$x", "`", "#", ";"]),
        ("a HEAD~1 x#y 5$ layers=[3,5] 3,4 a:b @x %d 50%",
         ["a", "HEAD~1", "x#y", "5$", "layers=[3,5]", "3,4", "a:b", "@x", "%d", "50%"]),
        ("a '{{\"lr\": {lr}}}'", ["a", '{"lr": 0.1}']),
        ("a {bn:--bn} {bn:--bn|--no-bn} --bn={bn:on|off}", ["a", "--bn", "--bn", "--bn=on"]),
        ("a {bn:|--no-bn} --b", ["a", "--b"]),
        ("a --v {nesterov:--nesterov} --m {momentum} {deep:--deep}", ["a", "--v", "--deep"]),
        ("{python} a.py --out out/{trial}", [sys.executable, "a.py", "--out", "out/7"]),
        (["a b", "|", "--x={lr}", "$HOME", "{{}}", 3, 0.5, ""],
         ["a b", "|", "--x=0.1", "$HOME", "{}", "3", "0.5", ""]),
        (["a", "--m", "{momentum}", "{bn:--bn|--no-bn}"], ["a", "--bn"]),
    ],
)  # fmt: skip
def test_what_the_program_gets(text, expected):
    assert words(text) == expected


def test_a_flag_that_is_off():
    params = {**PARAMS, "bn": False}
    assert words("a {bn:--bn} {bn:--bn|--no-bn} --bn={bn:on|off} b", params) == [
        "a", "--no-bn", "--bn=off", "b",
    ]  # fmt: skip
    assert words("a {bn:|--no-bn}", params) == ["a", "--no-bn"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a | b", "'|'"),
        ("a > b", "'>'"),
        ("a 2>&1", "'>&'"),
        ("a < b", "'<'"),
        ("a && b", "'&&'"),
        ("a || b", "'||'"),
        ("a; b", "';'"),
        ("a &", "'&'"),
        ("a --x={lr}|b", "'|'"),
        ("a $HOME", "'$HOME'"),
        ("a ${HOME}/x", "'${HOME}'"),
        ('a "$HOME/x"', "'$HOME'"),
        ("a $(date)", "'$('"),
        ("a $1", "'$1'"),
        ("a `date`", "'`'"),
        ('a "`date`"', "'`'"),
        ("a ~", "'~'"),
        ("a ~/x", "'~'"),
        ("a --data=~/x", "'~'"),
        ("a *.csv", "'*'"),
        ("a data?.csv", "'?'"),
        ("a b # c", "'#'"),
    ],
)
def test_what_needs_a_shell_is_an_error_that_names_both_ways_out(text, found):
    with pytest.raises(ObjectiveError) as caught:
        command(text).check()
    assert str(caught.value) == (
        f"objective.command: {found} is for a shell, and none runs the command; put it in single "
        "quotes to pass it on as it is, or add shell: true"
    )


def test_a_line_end_without_a_backslash_needs_a_shell():
    with pytest.raises(ObjectiveError, match=r"put a backslash before it, or add shell: true"):
        command("true a\ntrue b").check()


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"command": []}, r"objective\.command: found \[\]; expected a text or a list"),
        ({"command": ["a", True]}, r"objective\.command\.1: found True; expected a text or a num"),
        ({"command": ["a", None]}, r"objective\.command\.1: found None"),
        ({"command": "a", "shell": "yes"}, r"objective\.shell: found 'yes'; expected true or fal"),
        ({"command": ["a"], "shell": True}, r"objective\.shell: a shell takes a text"),
        ({"command": "a", "shel": True}, r"objective: unknown key 'shel' \(did you mean 'shell'"),
    ],
)
def test_specs_that_are_none(spec, problem):
    with pytest.raises(ObjectiveError, match=problem):
        objective_from(spec)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a {bn:--x y}", "each one word"),
        ("a {bn:}", "each one word"),
        ("a {bn:x|y|z}", "each one word"),
        ("a {lr:--lr}", "found a flag of 'lr', expected a parameter whose choices are true and"),
        ("a {optimizer:--adam}", "found a flag of 'optimizer'"),
        ("a {pyton}", r"no parameter 'pyton' \(did you mean 'python'\?\)"),
        ("a \\", "a backslash ends"),
    ],
)
def test_placeholders_that_are_wrong(text, problem):
    with pytest.raises(ObjectiveError, match=problem):
        command(text).check_space(SPACE)


@pytest.mark.parametrize("name", ["python", "trial"])
def test_a_parameter_may_not_hide_a_word_of_ours(name):
    space = Space({name: Float(0, 1)})
    command("a").check_space(space)
    with pytest.raises(ObjectiveError, match=f"rename the parameter '{name}'"):
        command(f"a {{{name}}}").check_space(space)


@pytest.mark.parametrize(
    ("program", "hint"),
    [
        ("python-that-is-not-there x", "{python} is the interpreter that runs the study"),
        ("CUDA_VISIBLE_DEVICES=0 python x", "begin with env, or add shell: true"),
        ("source venv/bin/activate", "a word of a shell needs shell: true"),
    ],
)
def test_what_to_do_where_there_is_no_program(program, hint):
    with pytest.raises(ObjectiveError) as caught:
        command(program).check()
    assert str(caught.value).endswith(hint)


@pytest.mark.parametrize(
    "text",
    [
        "printf %s {x}",
        'printf %s "{x}"',
        "printf %s '{x}'",
        "printf %s {x} | cat",
        'printf %s "$(printf %s {x})"',
        "printf %s \"$(printf %s '{x}')\"",
        'printf %s "`printf %s {x}`"',
        "# it's a comment with a quote\nprintf %s {x}",
        "# one more '\nprintf %s '{x}'",
        'a={x}; printf %s "$a"',
        "f() {{ printf %s \"$1\"; }}; f {x}",
        "if true; then printf %s {x}; fi",
        "(printf %s {x})",
    ],
)  # fmt: skip
def test_a_shell_never_runs_a_value(text, tmp_path):
    line = words(text, {"x": EVIL}, shell=True)
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == EVIL
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "text",
    [
        "printf %s `printf %s {x}`",
        "cat <<END\n{x}\nEND",
        "cat <<END\nit's `printf %s {x}` $(printf %s \"{x}\")\nEND",
        "cat <<\\END\nit's\nEND\necho {x} '{x}'",
        "cat <<< {x}; echo $((1 << 3)) {x}",
        "echo ${{y:-{x}}}",
        "case {x} in a) true;; esac",
        "printf %s 'a'\\''{x}'",
        "printf %s \"a\\\"{x}\"",
        "echo \"$(echo \"it's $(echo {x}) '{x}' `echo {x}`\")\"",
        "# it's\necho 'a' {x} '{x}' \"{x}\"",
    ],
)  # fmt: skip
def test_nor_where_it_reads_the_text_otherwise_than_we_do(text, tmp_path):
    subprocess.run(words(text, {"x": EVIL}, shell=True), cwd=tmp_path, capture_output=True)
    assert not (tmp_path / "pwned").exists()


def test_a_here_document_has_the_values_as_they_are(tmp_path):
    text = """
        cat > a.yaml <<-EOF; cat <<"B" >> a.yaml
		lr: {lr}
		momentum: {momentum}
		name: '{name}'  # it's "{name}" ${HERE:-here}
	EOF
        {{ $none }}
B
        cat a.yaml; echo '{name}' {lr}
    """
    values = {"lr": 0.1, "name": 'a $HOME "b"'}
    line = words(text.replace("        {{ $", "{{ $"), values, shell=True)
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    name = values["name"]
    assert done.stdout.splitlines() == [
        "lr: 0.1", f"name: '{name}'  # it's \"{name}\" here", "{ $none }", f"{name} 0.1",
    ]  # fmt: skip


@pytest.mark.parametrize("end", ["'EOF'", '"EOF"', "\\EOF"])
def test_a_here_document_whose_end_is_quoted_has_no_values(end):
    with pytest.raises(ObjectiveError, match="take the quotes off"):
        words(f"cat <<{end}\nlr: {{lr}}\nEOF", shell=True)


def test_a_shell_reckons_with_numbers():
    text = "echo $(( ({n} << 1) * {n} )) $(echo $(({trial} + {n})))"
    done = subprocess.run(words(text, {"n": 3}, shell=True), capture_output=True, text=True)
    assert done.stdout.split() == ["18", "10"]


@pytest.mark.parametrize("name", ["opt", "w", "bn"])
def test_a_shell_reckons_with_nothing_but_numbers(name):
    space = Space(
        n=Int(1, 3), k=Categorical([1, 2]), opt=Categorical(["a[$(id)]"]),
        bn=Categorical([True, False]), w=Float(0, 1, shape=[2]),
    )  # fmt: skip
    ok = {"command": "echo $(({n} + {k} + {bn:1|0}))", "shell": True}
    CommandObjective.parse(ok, ".").check_space(space)
    bad = {"command": f"echo $(( {{{name}}} + 1 ))", "shell": True}
    with pytest.raises(ObjectiveError, match=r"inside of \$\(\( \)\).*numbers"):
        CommandObjective.parse(bad, ".").check_space(space)


def test_a_shell_gets_flags_and_leaves_out_what_is_inactive(tmp_path):
    text = """
        HERE="$HOME"  # it's a variable of the shell
        printf '%s\\n' {python} {trial} {bn:--bn} --m \\
            {momentum} --n "{momentum}" '--o={momentum}' {nesterov:--nesterov} ${HERE:+end} \\
            $(printf %s --m {momentum} in) a$((1 + 1)) > out.txt
        cat out.txt
    """
    line = words(text, shell=True)
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [sys.executable, "7", "--bn", "end", "in", "a2"]


def test_names_of_parameters_that_are_no_names_of_a_shell(tmp_path):
    params = {"a b": "1 2", "é": "3", "PATH": "4", "a.b": "5", "IFS": "6"}
    text = "printf '%s\\n' {a b} {é} {PATH} {a.b} {IFS} && ls /dev/null"
    line = words(text, params, shell=True)
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["1 2", "3", "4", "5", "6", "/dev/null"]


def test_the_line_as_one_would_type_it():
    assert command("a --n '{optimizer} b' --lr {lr}").command_line(PARAMS, 0) == (
        "a --n 'adam b' --lr 0.1"
    )
    assert command("a {lr} | b", shell=True).command_line(PARAMS, 0) == (
        'hpo_lr=0.1; a "${hpo_lr}" | b'
    )
    assert command(["a b", "{lr}"]).describe() == "'a b' '{lr}'"
