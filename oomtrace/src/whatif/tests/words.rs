//! Tests of the sentence.

use super::example::{adj, decide, in_pods, on_the_machine};
use crate::{bytes::ByteString, whatif::Change};

fn says(changes: &[Change]) -> String {
    decide(&in_pods(), changes).summary
}

#[test]
fn names_the_new_victim_and_the_margin() {
    assert_eq!(
        says(&[adj("redis=500")]),
        "with oom_score_adj 500 for redis (pid 812), redis (pid 812) would have been killed instead of python (pid 901), \
         by 4000 pages (15.6 MiB)"
    );
}

#[test]
fn says_that_nothing_changes() {
    assert_eq!(
        says(&[adj("/pods/db=10")]),
        "with oom_score_adj 10 for the 2 tasks in /pods/db, the same would have happened: python (pid 901) would have \
         been killed, by 3840 pages (15.0 MiB) (by an estimate of its points)"
    );
}

#[test]
fn describes_groups_limits_and_policies() {
    assert_eq!(
        says(&[Change::oom_group("/pods=1").unwrap()]),
        "with memory.oom.group 1 for /pods, python (pid 901) would still have been killed, by 4000 pages (15.6 MiB), \
         with 2 more of its cgroup (memory.oom.group)"
    );
    assert_eq!(
        says(&[Change::limit("/pods=1G").unwrap()]),
        "with a memory limit of 1.0 GiB for /pods, memory would not have run out at this moment: /pods would have had \
         room"
    );
    assert_eq!(
        decide(&on_the_machine(), &[Change::AllocatingTask(true), adj("/=3")]).summary,
        "with vm.oom_kill_allocating_task 1 and oom_score_adj 3 for the 4 tasks in /, shell (pid 950) would have been \
         killed because it was allocating instead of python (pid 901)"
    );
    assert_eq!(
        says(&[adj("/=-1000")]),
        "with oom_score_adj -1000 for the 4 tasks in /, no process could have been killed instead of python (pid 901)"
    );
}

#[test]
fn escapes_control_characters_in_names() {
    let mut incident = in_pods();
    incident.ballot.as_mut().unwrap().candidates[1].task.comm =
        Some(ByteString::from(b"re\x1b[2J\xff".to_vec()));
    let summary = decide(&incident, &[adj("812=500")]).summary;
    assert!(summary.contains("re\\u{1b}[2J\\xff (pid 812)"), "{summary}");
}
