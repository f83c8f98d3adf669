//! Each problem has its line.

use crate::experiment::{
    file::{parse, text},
    plan::{Shape, Work},
};

const GOOD: &str = r#"title = "who dies?"
repeats = 3
limit = "256M"

[[cgroup]]
path = "box"
set."memory.max" = "64M"

[[process]]
name = "database"
cgroup = "box"
hog = "anon"
size = "40M"

[[process]]
name = "leak"
cgroup = "box"
hog = "forks"
size = "100M"
rate = "50M"
count = 4
after = "database"

[[variant]]
name = "plain"

[[variant]]
name = "protected"
process.database.oom_score_adj = -500
cgroup.box."memory.max" = "48M"
knob."vm.swappiness" = 10
"#;

fn complaints(text: &str) -> Vec<(usize, String)> {
    parse(text).unwrap_err().into_iter().map(|problem| (problem.line, problem.what)).collect()
}

#[test]
fn applies_a_variant_to_the_rest() {
    let plan = parse(GOOD).unwrap();
    let [plain, protected] = [0, 1].map(|number| plan.layout(&plan.variants[number]));
    assert_eq!([&plain, &protected].map(|layout| layout.processes[0].oom_score_adj), [0, -500]);
    assert_eq!([&plain, &protected].map(|layout| layout.cgroups[0].files[0].value.as_str()), ["64M", "48M"]);
    assert_eq!([plain.knobs.len(), protected.knobs.len()], [0, 1]);
    let Work::Hog(hog) = &plan.processes[1].work else { panic!("no hog") };
    assert_eq!((hog.shape, hog.bytes, hog.rate, hog.count), (Shape::Forks, 100 << 20, Some(50 << 20), 4));
    assert_eq!(plan.all_knobs().len(), 1);
}

/// A replacement for a part of the valid file, and words that the problem in that line must contain.
const WRONG: [(&str, &str, &str); 17] = [
    ("repeats = 3", "repeats = 0", "from 1 to 100"),
    ("repeats = 3", "repaets = 3", "no key `repaets`"),
    ("repeats = 3", "repeats = ", ""),
    ("limit = \"256M\"", "limit = \"lots\"", "size"),
    ("path = \"box\"", "path = \"../box\"", "path below"),
    ("path = \"box\"", "path = \"default\"", "there already"),
    ("path = \"box\"", "path = \"memory.max\"", "there already"),
    ("path = \"box\"", "path = \"tasks\"", "there already"),
    ("hog = \"anon\"", "hog = \"anno\"", "no hog `anno`"),
    ("size = \"40M\"", "szie = \"40M\"", "no key `szie`"),
    ("after = \"database\"", "after = \"databsae\"", "no process `databsae`"),
    ("count = 4", "count = 4000", "from 1 to 1024"),
    ("rate = \"50M\"", "command = [\"true\"]", ""),
    ("name = \"leak\"", "name = \"a name that is too long\"", ""),
    ("process.database.oom_score_adj = -500", "process.database.oom_score_adj = -5000", "from -1000 to 1000"),
    (
        "process.database.oom_score_adj = -500",
        "process.databsae.oom_score_adj = 1",
        "no [[process]] `databsae`",
    ),
    ("cgroup.box.\"memory.max\" = \"48M\"", "cgroup.box.\"memory.max\" = [1]", "gets a number"),
];

#[test]
fn reports_every_problem_with_its_line() {
    for (right, wrong, words) in WRONG {
        let text = GOOD.replacen(right, wrong, 1);
        assert_ne!(text, GOOD, "{right}");
        let line = 1 + text.lines().position(|line| line.contains(wrong)).unwrap();
        let complaints = complaints(&text);
        let near = |at: usize| at == line || words.is_empty();
        assert!(
            complaints.iter().any(|(at, what)| near(*at) && what.contains(words)),
            "{wrong}, line {line}: {complaints:?}"
        );
    }
}

#[test]
fn reports_the_line_of_invalid_utf_8() {
    assert_eq!(text(b"title = \"a\"\n").unwrap(), "title = \"a\"\n");
    let problems = text(b"title = \"a\"\n# \xff\n").unwrap_err();
    assert_eq!((problems.len(), problems[0].line), (1, 2));
}

#[test]
fn rejects_processes_in_a_cgroup_with_children() {
    let text = GOOD.replace(
        "[[process]]\nname = \"database\"",
        "[[cgroup]]\npath = \"box/in\"\n\n[[process]]\nname = \"database\"",
    );
    let complaints = complaints(&text);
    assert!(
        complaints.iter().any(|(line, what)| *line == 14 && what.contains("child cgroups")),
        "{complaints:?}"
    );
}

#[test]
fn reports_all_problems_at_once() {
    let text = GOOD.replace("repeats = 3", "repeats = 0").replace("\"anon\"", "\"anno\"");
    let lines: Vec<usize> = complaints(&text).iter().map(|(line, _)| *line).collect();
    assert!(lines.contains(&2) && lines.contains(&12), "{lines:?}");
    assert!(lines.is_sorted());
    let empty: Vec<String> = complaints("").into_iter().map(|(_, what)| what).collect();
    assert!(empty.iter().any(|what| what.contains("title")), "{empty:?}");
}
