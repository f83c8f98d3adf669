//! Tests of the log parser on logs of real kernels.

use oomtrace_scenarios::compare::judge;
use oomtrace_scenarios::witness::{self, Message};

use crate::fixtures::{self, fixture};

#[test]
fn reads_every_line_of_every_report() {
    for fixture in fixtures::all() {
        for incident in witness::read(&fixture.seen.log) {
            let name = &fixture.name;
            assert!(incident.invoked.is_some() && incident.trigger_tid.is_some(), "{name}");
            assert_eq!(incident.swap.is_some(), incident.usage.is_some(), "{name}");
            assert_eq!(incident.stat.contains_key("shmem"), incident.usage.is_some(), "{name}");
            if incident.none_killable {
                assert!(incident.kills.is_empty() && incident.summary.is_none(), "{name}");
                continue;
            }
            assert!(!fixture.scenario.expect.is_no_kill(), "{name}");
            assert!(incident.summary.is_some() && !incident.rows.is_empty(), "{name}");
            assert!(!incident.kills.is_empty(), "{name}");
            assert_eq!(incident.usage.is_some(), fixture.scenario.expect.limit_cgroup.is_some(), "{name}");
            assert_eq!(incident.group.is_some(), fixture.scenario.expect.policy == "oom_group", "{name}");
            assert!(incident.kills.iter().all(|kill| incident.row(kill.pid).is_some()), "{name}");
        }
    }
}

#[test]
fn log_counters_and_exit_statuses_agree_on_every_kernel() {
    for fixture in fixtures::all() {
        assert_eq!(judge(&fixture.scenario, &fixture.seen, None), [], "{}", fixture.name);
    }
}

#[test]
fn reads_odd_names_byte_for_byte() {
    for name in ["5.10-odd_comm", "7.3-odd_comm"] {
        let fixture = fixture(name);
        let [incident] = witness::read(&fixture.seen.log).try_into().unwrap();
        let (comm, cgroup) = (fixture.scenario.processes[0].kernel_comm(), &fixture.scenario.cgroups[0].path);
        assert_eq!(incident.invoked.unwrap().comm, comm);
        assert_eq!(incident.kills[0].comm, comm);
        assert_eq!(incident.rows[0].comm, comm);
        let summary = incident.summary.unwrap();
        assert_eq!((&summary.task, &summary.task_memcg), (&comm, cgroup));
        assert_eq!(summary.oom_memcg.as_ref(), Some(cgroup));
    }
}

#[test]
fn counts_a_group_member_killed_twice_once() {
    for name in ["5.10-oom_group", "6.12-oom_group", "7.3-oom_group"] {
        let [incident] = witness::read(&fixture(name).seen.log).try_into().unwrap();
        assert_eq!((incident.kills.len(), incident.kill_lines), (3, 4), "{name}");
        assert_eq!(incident.group.unwrap().as_bytes(), b"/group");
    }
}

#[test]
fn distinguishes_the_cgroups_of_limit_scope_and_victim() {
    for name in ["5.10-far_limit", "7.3-far_limit"] {
        let [incident] = witness::read(&fixture(name).seen.log).try_into().unwrap();
        let summary = incident.summary.unwrap();
        assert_eq!(summary.oom_memcg.unwrap().as_bytes(), b"/far", "{name}");
        assert_eq!(incident.group.unwrap().as_bytes(), b"/far/mid/scope", "{name}");
        assert_eq!(summary.task_memcg.as_bytes(), b"/far/mid/scope/low/leaf", "{name}");
    }
}

#[test]
fn a_chosen_dead_leader_gets_its_worker_killed() {
    for name in ["5.10-dead_leader", "7.3-dead_leader"] {
        let fixture = fixture(name);
        let [incident] = witness::read(&fixture.seen.log).try_into().unwrap();
        let (leader, worker) = (fixture.seen.processes[0].pid, incident.kills[0].pid);
        assert_ne!(leader, worker, "{name}");
        assert_eq!(incident.summary.as_ref().unwrap().pid, leader, "{name}");
        assert_eq!(incident.process_of(worker), leader, "{name}");
        assert_eq!(fixture.seen.marks.unwrap()[0].tid, worker, "{name}");
    }
}

#[test]
fn a_chosen_allocating_thread_gets_its_leader_killed() {
    let fixture = fixture("7.3-global_allocating_thread");
    let [incident] = witness::read(&fixture.seen.log).try_into().unwrap();
    let summary = incident.summary.as_ref().unwrap();
    assert_eq!(Some(summary.pid), incident.trigger_tid);
    assert_eq!((summary.task.as_bytes(), incident.kills[0].comm.as_bytes()), (&b"asking"[..], &b"hog"[..]));
    assert_ne!(summary.pid, incident.kills[0].pid);
}

#[test]
fn a_dying_process_leaves_no_log_line_but_a_trace_of_its_mark() {
    for (name, marks) in [("5.10-dying_trigger", 0), ("7.3-dying_trigger", 1)] {
        let seen = fixture(name).seen;
        assert_eq!((witness::read(&seen.log).len(), seen.marks.unwrap().len()), (0, marks), "{name}");
        assert_eq!(seen.cgroups[0].growth("oom"), Some(1), "the limit was hit: {name}");
    }
}

#[test]
fn the_message_identifies_the_allocating_task_policy() {
    for name in ["5.10-global_allocating", "7.3-global_allocating"] {
        let [incident] = witness::read(&fixture(name).seen.log).try_into().unwrap();
        assert_eq!(incident.kills[0].message, Message::AllocatingTask, "{name}");
    }
}

#[test]
fn distinguishes_a_kernel_thread_trigger_from_a_process() {
    for fixture in fixtures::all() {
        let asked_by_kernel = ["mglru", "sysrq"].contains(&fixture.scenario.name.as_str());
        for incident in witness::read(&fixture.seen.log) {
            assert_eq!(incident.trigger_is_kernel_thread, asked_by_kernel, "{}", fixture.name);
        }
    }
}

#[test]
fn an_unkillable_allocating_task_leads_to_badness() {
    let mut fixture = fixture("7.3-global_allocating");
    for record in &mut fixture.seen.log {
        *record = record.replace("Out of memory (oom_kill_allocating_task)", "Out of memory");
    }
    let judged = |fixture: &fixtures::Fixture| judge(&fixture.scenario, &fixture.seen, None);
    assert_eq!(judged(&fixture)[0].field, "(outcome) policy", "by badness, although a process allocated");
    for record in &mut fixture.seen.log {
        *record = record.replace(" asm_exc_page_fault+0x26/0x30", " kthread+0xe5/0x120");
    }
    assert_eq!(judged(&fixture), [], "by badness, because a kernel thread allocated");
}

#[test]
fn kills_without_a_full_report_are_separate_incidents() {
    let fixture = fixture("7.3-parent");
    let killed = |record: &&String| record.contains("Killed process");
    let records: Vec<String> = fixture.seen.log.iter().filter(killed).cloned().collect();
    let kills = records.len();
    let incidents = witness::read(&records);
    assert_eq!(incidents.len(), kills);
    assert!(incidents.iter().all(|incident| incident.invoked.is_none() && incident.kills.len() == 1));
}

#[test]
fn a_kill_after_a_group_is_not_a_member_of_it() {
    let fixture = fixture("7.3-oom_group");
    let [alone] = witness::read(&fixture.seen.log).try_into().unwrap();
    let is_kill = |record: &&String| record.contains("Killed process");
    let last = fixture.seen.log.iter().rfind(is_kill).unwrap();
    let members: Vec<u32> = alone.members.clone();
    // A process that did not exist at the group kill, one that existed and was passed over, and a member once more.
    let passed_over = alone.rows.iter().find(|row| !members.contains(&row.pid)).unwrap().pid;
    for pid in [4242, passed_over, members[0]] {
        let other = format!("Killed process {pid} ");
        let (head, tail) = last.split_once("Killed process ").unwrap();
        let later = format!("{head}{other}{}", tail.split_once(' ').unwrap().1);
        let records: Vec<String> = fixture.seen.log.iter().cloned().chain([later]).collect();
        let [group, after] = witness::read(&records).try_into().unwrap();
        assert_eq!((group.kills.len(), group.kill_lines), (alone.kills.len(), alone.kill_lines), "{pid}");
        assert_eq!((after.kills.len(), after.kills[0].pid, after.invoked.is_none()), (1, pid, true));
    }
}

#[test]
fn lists_each_group_member_once_without_a_table() {
    let fixture = fixture("7.3-oom_group");
    let short = |record: &&String| record.contains("Killed process") || record.contains("Tasks in");
    let records: Vec<String> = fixture.seen.log.iter().filter(short).cloned().collect();
    let [group] = witness::read(&records).try_into().unwrap();
    assert_eq!((group.kills.len(), group.kill_lines, group.rows.len()), (3, 4, 0));
}

#[test]
fn no_killable_process_means_no_kill() {
    let records = [
        "4,1,1,-;hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=-1000",
        "4,2,2,-;CPU: 0 PID: 9 Comm: hog Not tainted",
        "4,3,3,-;Out of memory and no killable processes...",
    ];
    let [incident] = witness::read(&records.map(str::to_owned)).try_into().unwrap();
    assert!(incident.none_killable && incident.kills.is_empty());
    assert_eq!(incident.trigger_tid, Some(9));
}
