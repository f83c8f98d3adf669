//! Checks of a plan against a machine.

use std::path::Path;

use crate::experiment::{
    check::{Findings, Ground, check},
    file::parse,
};

struct Machine(&'static str);

impl Ground for Machine {
    fn hierarchy(&self) -> Option<(&Path, &'static str)> {
        Some((Path::new("/sys/fs/cgroup"), self.0))
    }

    fn cgroups_have(&self, file: &str) -> Option<bool> {
        Some(file != "memory.oom.group")
    }

    fn has(&self, path: &Path) -> bool {
        !path.ends_with("lru_gen/enabled")
    }

    fn value(&self, path: &Path) -> Option<String> {
        let said =
            if path.ends_with("transparent_hugepage/enabled") { "always [madvise] never\n" } else { "1\n" };
        (!path.ends_with("compact_memory")).then(|| said.to_owned())
    }

    fn has_program(&self, program: &str) -> bool {
        program == "true"
    }

    fn least_adj(&self) -> i16 {
        -10
    }

    fn available_bytes(&self) -> Option<u64> {
        Some(1 << 30)
    }
}

fn findings(hierarchy: &'static str, top: &str, rest: &str) -> Findings {
    let text = format!(
        "title = \"t\"\n{top}\n[[process]]\nname = \"p\"\ncommand = [\"true\"]\n[[variant]]\nname = \"v\"\n{rest}\n"
    );
    check(&parse(&text).unwrap(), &Machine(hierarchy))
}

#[test]
fn accepts_a_contained_experiment() {
    assert_eq!(findings("v2", "limit = \"64M\"", "knob.\"vm.swappiness\" = 10"), Findings::default());
}

#[test]
fn reports_risks_with_their_line() {
    let risks = |top: &str, rest: &str| findings("v2", top, rest).risks;
    assert_eq!(risks("", "")[0].line, 1);
    assert!(risks("limit = \"2G\"", "")[0].what.contains("1024 MiB"));
    let knob = risks("limit = \"64M\"", "knob.\"vm.oom_kill_allocating_task\" = 1");
    assert_eq!(knob.len(), 1);
    assert_eq!(knob[0].line, 8);
    assert!(knob[0].what.contains("killed"), "{knob:?}");
}

#[test]
fn reports_problems_of_this_kernel_with_their_line() {
    let limit = "limit = \"64M\"";
    let cases = [
        ("v2", "knob.\"/sys/kernel/mm/lru_gen/enabled\" = 7", "has no"),
        ("v2", "knob.\"vm.swappiness\" = 201", "from 0 to 200"),
        ("v2", "knob.\"/etc/passwd\" = 1", "not a knob"),
        ("v2", "knob.\"vm.compact_memory\" = 1", "could not be restored"),
        (
            "v2",
            "knob.\"/sys/kernel/mm/transparent_hugepage/enabled\" = \"maybe\"",
            "one of always, madvise, never",
        ),
        ("v2", "process.p.command = [\"nosuch\"]", "no program `nosuch`"),
        ("v2", "cgroup.box.\"memory.oom.group\" = 1", "have no"),
        ("v2", "process.p.oom_score_adj = -11", "CAP_SYS_RESOURCE"),
        ("v1", "cgroup.box.\"memory.high\" = \"1M\"", "cgroup v2"),
        ("v2", "cgroup.box.\"memory.max\" = \"much\"", "size"),
    ];
    for (hierarchy, rest, words) in cases {
        let found = findings(hierarchy, &format!("{limit}\n[[cgroup]]\npath = \"box\""), rest);
        let line = 10;
        assert!(
            found.problems.iter().any(|problem| problem.line == line && problem.what.contains(words)),
            "{rest}: {found:?}"
        );
    }
}

#[test]
fn rejects_two_names_for_one_knob() {
    let rest = "knob.\"vm.swappiness\" = 10\nknob.\"/proc/sys/vm/swappiness\" = 20";
    let problems = findings("v2", "limit = \"64M\"", rest).problems;
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert!([8, 9].contains(&problem.line) && problem.what.contains("another name"), "{problem:?}");
}
