//! The parser, on what real kernels logged.

use oomtrace_scenarios::compare::judge;
use oomtrace_scenarios::witness::{self, Message};

use crate::fixtures::{self, fixture};

#[test]
fn every_line_of_every_report_is_read() {
    for fixture in fixtures::all() {
        for incident in witness::read(&fixture.seen.log) {
            let name = &fixture.name;
            assert!(incident.invoked.is_some() && incident.trigger_tid.is_some(), "{name}");
            assert!(
                incident.swap.is_some() == incident.usage.is_some() && !incident.rows.is_empty(),
                "{name}"
            );
            assert_eq!(incident.stat.contains_key("shmem"), incident.usage.is_some(), "{name}");
            let in_vain = fixture.scenario.expect.is_no_kill();
            assert_eq!((incident.summary.is_none(), incident.none_killable), (in_vain, in_vain), "{name}");
            assert_eq!(incident.kills.is_empty(), in_vain, "{name}");
            assert_eq!(incident.usage.is_some(), fixture.scenario.expect.limit_cgroup.is_some(), "{name}");
            assert_eq!(incident.group.is_some(), fixture.scenario.name == "oom_group", "{name}");
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
fn odd_names_come_out_byte_for_byte() {
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
fn a_group_kills_its_first_victim_twice_and_that_is_one_victim() {
    for name in ["5.10-oom_group", "6.12-oom_group", "7.3-oom_group"] {
        let [incident] = witness::read(&fixture(name).seen.log).try_into().unwrap();
        assert_eq!((incident.kills.len(), incident.kill_lines), (2, 3), "{name}");
        assert_eq!(incident.group.unwrap().as_bytes(), b"/group");
    }
}

#[test]
fn the_allocating_task_is_told_by_the_message() {
    for name in ["5.10-global_allocating", "7.3-global_allocating"] {
        let [incident] = witness::read(&fixture(name).seen.log).try_into().unwrap();
        assert_eq!(incident.kills[0].message, Message::AllocatingTask, "{name}");
    }
}

#[test]
fn kills_whose_reports_were_left_out_are_incidents_of_their_own() {
    let fixture = fixture("7.3-parent");
    let killed = |record: &&String| record.contains("Killed process");
    let records: Vec<String> = fixture.seen.log.iter().filter(killed).cloned().collect();
    let kills = records.len();
    let incidents = witness::read(&records);
    assert_eq!(incidents.len(), kills);
    assert!(incidents.iter().all(|incident| incident.invoked.is_none() && incident.kills.len() == 1));
}

#[test]
fn nobody_killable_is_no_kill() {
    let records = [
        "4,1,1,-;hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=-1000",
        "4,2,2,-;CPU: 0 PID: 9 Comm: hog Not tainted",
        "4,3,3,-;Out of memory and no killable processes...",
    ];
    let [incident] = witness::read(&records.map(str::to_owned)).try_into().unwrap();
    assert!(incident.none_killable && incident.kills.is_empty());
    assert_eq!(incident.trigger_tid, Some(9));
}
