//! The comparison must detect errors: it accepts a correct report and names each field that is altered in one.

use oomtrace_scenarios::compare::judge;
use oomtrace_scenarios::job::Tier;
use oomtrace_scenarios::observation::{CommandRun, Observation, Replay, Status};
use oomtrace_scenarios::text::Text;
use serde_json::{Map, Value, json};

use crate::fixtures::{self, Fixture, altered, fixture, found};

#[test]
fn accepts_correct_reports() {
    for fixture in fixtures::all() {
        assert_eq!(found(&fixture, &fixture.honest()), [], "{}", fixture.name);
    }
}

/// Fields of a report, and a wrong value for each.
const WRONG: &str = r#"{
    "/tier": "kprobe",
    "/kernel": "1.0",
    "/status/complete": false,
    "/status/lost_frames": 1,
    "/cause/code": "global",
    "/cause/confidence": "inferred",
    "/selection/policy": "allocating_task",
    "/selection/outcome": "group_killed",
    "/allocation/order": 1,
    "/allocation/gfp_mask": "0xcc1",
    "/allocation/gfp_flags": ["GFP_ATOMIC"],
    "/allocation/constraint": "none",
    "/allocation/stack": ["out_of_memory+0x1/0x2"],
    "/sysctl/oom_kill_allocating_task": 1,
    "/domain/kind": "system",
    "/domain/cgroup": "/parent/a",
    "/domain/usage_bytes": 1048576,
    "/domain/limit_bytes": 1,
    "/domain/total_pages": 1,
    "/domain/swap_usage_bytes": 33554432,
    "/domain/oom_group": true,
    "/domain/swap_usage_bytes": 33554432,
    "/domain/memory_stat": {},
    "/trigger/comm": "pig",
    "/trigger/tid": 1,
    "/trigger/pid": 1,
    "/trigger/uid": 7,
    "/trigger/oom_score_adj": 7,
    "/trigger/cgroup": "/parent/a",
    "/victims/0/comm": "pig",
    "/victims/0/tid": 1,
    "/victims/0/uid": 1000,
    "/victims/0/oom_score_adj": 1,
    "/victims/0/cgroup": "/parent/b",
    "/victims/0/role": "group",
    "/victims/0/memory/total_vm_bytes": 4096,
    "/victims/0/memory/anon_rss_bytes": 4096,
    "/victims/0/memory/file_rss_bytes": 33554432,
    "/victims/0/memory/shmem_rss_bytes": 33554432,
    "/victims/0/memory/swap_bytes": 33554432,
    "/victims/0/memory/pgtables_bytes": 0,
    "/victims/0/score/points": 0,
    "/victims/0/score/base_pages": 0,
    "/victims/0/score/adj_pages": 1,
    "/victims/0/score/total_pages": 1,
    "/candidates/0/points": 1,
    "/candidates/1/pid": 1,
    "/candidates/1/comm": "pig",
    "/candidates/1/uid": 7,
    "/candidates/1/cgroup": "/elsewhere",
    "/candidates/1/points": 1,
    "/candidates/1/rss_pages": 1,
    "/candidates/1/swap_pages": 1000000,
    "/candidates/1/pgtables_pages": 1000,
    "/candidates/1/oom_score_adj": 1,
    "/candidates/1/adj_pages": 1000000,
    "/candidates/1/difference_pages": 1,
    "/candidates/1/oom_flag_origin": true,
    "/candidates_total": 1,
    "/candidates_left_out": 1,
    "/kernel_threads": 1,
    "/selection/margin_points": 1,
    "/selection/runner_up_pid": 1
}"#;

#[test]
fn names_each_altered_or_missing_field() {
    let wrong: Map<String, Value> = serde_json::from_str(WRONG).unwrap();
    for name in ["5.10-parent", "6.1-parent", "7.3-parent"] {
        for (pointer, value) in &wrong {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            for value in [value.clone(), Value::Null] {
                let named = altered(name, pointer, value.clone());
                assert!(named.contains(&field), "{name}: {pointer} as {value}: {named:?}");
            }
        }
    }
}

#[test]
fn counts_swap_in_the_limit_and_in_the_score() {
    for (pointer, value) in [
        ("/domain/swap_usage_bytes", json!(0)),
        ("/domain/swap_limit_bytes", json!(1)),
        ("/domain/swap_limit_bytes", Value::Null),
        ("/domain/memsw", json!(true)),
        ("/domain/total_pages", json!(32 << 8)),
        ("/victims/0/memory/swap_bytes", json!(0)),
        ("/victims/0/score/total_pages", json!(32 << 8)),
    ] {
        let field = pointer.trim_start_matches('/').replace('/', ".");
        for name in ["5.10-swap", "7.3-swap"] {
            assert_eq!(altered(name, pointer, value.clone()), [field.as_str()], "{name}");
        }
    }
    let unlimited = json!(9_223_372_036_854_771_712_u64);
    assert_eq!(altered("7.3-cgroup", "/domain/swap_limit_bytes", unlimited), ["domain.swap_limit_bytes"]);
}

#[test]
fn measures_a_confined_allocation_against_its_nodes() {
    for name in ["5.10-cpuset", "7.3-cpuset", "5.10-mempolicy", "7.3-mempolicy"] {
        assert_eq!(altered(name, "/cause/code", json!("global")), ["cause.code", "cause.code"], "{name}");
        assert_eq!(altered(name, "/domain/kind", json!("system")), ["domain.kind"], "{name}");
        let whole = json!(fixture(name).seen.memory_bytes / 4096);
        assert_eq!(altered(name, "/domain/total_pages", whole), ["domain.total_pages"], "{name}");
        assert_eq!(altered(name, "/allocation/constraint", json!("none")), ["allocation.constraint"]);
    }
}

#[test]
fn on_tracepoints_a_confined_allocation_must_not_be_called_global() {
    for name in ["5.10-cpuset", "7.3-mempolicy"] {
        let fixture = fixture(name);
        let mut reports = fixture.honest();
        reports[0]["tier"] = json!("tracepoint");
        reports[0]["cause"]["confidence"] = json!("inferred");
        reports[0]["candidates"] = Value::Null;
        let mut named = |code: &str| -> Vec<String> {
            reports[0]["cause"]["code"] = json!(code);
            let seen = fixture.with_reports(&reports);
            let found = judge(&fixture.scenario, &seen, Some(Tier::Tracepoint));
            found.into_iter().map(|found| found.field).collect()
        };
        assert_eq!(named("unknown"), [""; 0]);
        assert_eq!(named("global"), ["cause.code", "cause.code"]);
    }
}

#[test]
fn a_sysrq_request_is_not_a_shortage() {
    for name in ["5.10-sysrq", "7.3-sysrq"] {
        assert_eq!(altered(name, "/cause/code", json!("global")), ["cause.code", "cause.code"], "{name}");
        assert_eq!(altered(name, "/allocation/order", json!(0)), ["allocation.order"], "{name}");
        assert_eq!(altered(name, "/trigger/comm", json!("hog")), ["trigger.comm"], "{name}");
    }
}

#[test]
fn the_multi_gen_lru_guard_must_not_be_called_global() {
    // The log does not distinguish the two, but the scenario knows.
    assert_eq!(altered("7.3-mglru", "/cause/code", json!("global")), ["cause.code"]);
    assert_eq!(altered("7.3-mglru", "/cause/code", json!("sysrq")), ["cause.code", "cause.code"]);
}

#[test]
fn names_another_purpose_of_the_allocation() {
    for name in ["5.10-cgroup", "7.3-page_tables"] {
        assert_eq!(altered(name, "/allocation/kind", json!("slab")), ["allocation.kind"], "{name}");
        assert_eq!(altered(name, "/allocation/kind", Value::Null), ["allocation.kind"], "{name}");
    }
}

#[test]
fn rejects_a_wrong_process_id() {
    let named = altered("5.10-cgroup", "/victims/0/pid", json!(1));
    assert!(named.iter().any(|field| field == "victims"), "{named:?}");
    assert!(named.iter().any(|field| field == "victims.0.pid"), "{named:?}");
}

#[test]
fn names_the_wrong_level_of_the_chain() {
    assert_eq!(altered("5.10-cgroup", "/domain/chain/0/hit", json!(false)), ["domain.chain.hit"]);
    assert_eq!(altered("5.10-cgroup", "/domain/chain/1/hit", json!(true)), ["domain.chain.hit"]);
    assert_eq!(altered("5.10-cgroup", "/domain/chain/0/max_bytes", json!(1)), ["domain.chain.max_bytes"]);
}

#[test]
fn rejects_the_sysctl_as_cause_of_a_memcg_kill() {
    let policy = json!("allocating_task");
    assert!(
        altered("7.3-cgroup_allocating", "/selection/policy", policy).contains(&"selection.policy".into())
    );
    assert_eq!(altered("7.3-cgroup_allocating", "/cause/summary", json!("a limit")), ["cause.summary"]);
    assert_eq!(altered("7.3-global_allocating", "/selection/policy", json!("badness")), ["selection.policy"]);
}

#[test]
fn rejects_zero_for_points_that_were_not_computed() {
    let score = json!({ "points": 0 });
    assert_eq!(altered("5.10-global_allocating", "/victims/0/score", score), ["victims.0.score.points"]);
}

#[test]
fn requires_the_right_arguments_of_the_allocating_task() {
    let mut fixture = fixture("7.3-cgroup");
    for run in &mut fixture.seen.processes {
        run.cmdline = vec!["/bin/hog".into(), "anon".into()];
    }
    let named = |cmdline: Value| -> Vec<String> {
        let mut reports = fixture.honest();
        reports[0]["victims"][0]["cmdline"] = cmdline;
        found(&fixture, &reports).into_iter().map(|found| found.field).collect()
    };
    assert_eq!(named(json!(["/bin/hog", "anon"])), [""; 0]);
    for wrong in [Value::Null, json!([]), json!(["/bin/hog"]), json!(["/bin/hog", "anon", ""])] {
        assert_eq!(named(wrong), ["victims.0.cmdline"]);
    }
}

#[test]
fn requires_every_member_of_a_group() {
    assert_eq!(altered("6.12-oom_group", "/selection/outcome", json!("killed")), ["selection.outcome"]);
    assert_eq!(altered("6.12-oom_group", "/selection/policy", json!("badness")), ["selection.policy"]);
    let fixture = fixture("6.12-oom_group");
    let mut reports = fixture.honest();
    reports[0]["victims"].as_array_mut().unwrap().pop();
    let named: Vec<String> = found(&fixture, &reports).into_iter().map(|found| found.field).collect();
    assert_eq!(named, ["victims", "victims", "victims"], "log, trace and exit statuses");
}

#[test]
fn names_lost_doubled_and_invented_reports() {
    let fixture = fixture("6.12-global");
    let honest = fixture.honest();
    let named = |reports: &[Value]| -> Vec<String> {
        found(&fixture, reports).into_iter().map(|found| found.field).collect()
    };
    assert_eq!(named(&[]), ["live", "report", "victims"]);
    assert_eq!(named(&[honest[0].clone(), honest[0].clone()]), ["report", "victims"]);
    let mut made_up = honest[0].clone();
    made_up["victims"][0]["pid"] = json!(4242);
    made_up["victims"][0]["tid"] = json!(4242);
    assert_eq!(named(&[honest[0].clone(), made_up]), ["report", "victims"]);
}

#[test]
fn tracepoints_may_omit_the_decision_but_not_the_victim() {
    let fixture = fixture("7.3-cgroup");
    let mut reports = fixture.honest();
    let report = &mut reports[0];
    report["tier"] = json!("tracepoint");
    report["cause"]["confidence"] = json!("inferred");
    report["allocation"] = Value::Null;
    report["selection"]["policy"] = Value::Null;
    report["victims"][0]["score"] = Value::Null;
    report["candidates"] = Value::Null;
    let judged =
        |reports: &[Value]| judge(&fixture.scenario, &fixture.with_reports(reports), Some(Tier::Tracepoint));
    assert_eq!(judged(&reports), []);
    reports[0]["selection"]["policy"] = json!("allocating_task");
    assert_eq!(judged(&reports)[0].field, "selection.policy");
    reports[0]["victims"][0]["comm"] = Value::Null;
    assert!(judged(&reports).iter().any(|found| found.field == "victims.0.comm"));
}

#[test]
fn a_mark_with_a_bare_pid_may_omit_the_rest() {
    for (name, told) in [("5.10-cgroup", vec![]), ("7.3-cgroup", vec!["victims.0.memory.anon_rss_bytes"])] {
        let fixture = fixture(name);
        let mut reports = fixture.honest();
        reports[0]["tier"] = json!("tracepoint");
        reports[0]["cause"]["confidence"] = json!("inferred");
        reports[0]["victims"][0]["memory"]["anon_rss_bytes"] = Value::Null;
        reports[0]["candidates"] = Value::Null;
        let seen = fixture.with_reports(&reports);
        let found = judge(&fixture.scenario, &seen, Some(Tier::Tracepoint));
        let named: Vec<String> = found.into_iter().map(|found| found.field).collect();
        assert_eq!(named, told, "{name}");
    }
}

#[test]
fn accepts_unknown_only_after_another_kill_and_on_tracepoints() {
    let fixture = fixture("7.3-parent");
    let mut reports = fixture.honest();
    assert_eq!(reports.len(), 2);
    for report in &mut reports {
        report["tier"] = json!("tracepoint");
        report["candidates"] = Value::Null;
        report["cause"]["confidence"] = json!("inferred");
    }
    let named = |number: usize, code: &str| -> Vec<String> {
        let mut reports = reports.clone();
        reports[number]["cause"]["code"] = json!(code);
        let seen = fixture.with_reports(&reports);
        let found = judge(&fixture.scenario, &seen, Some(Tier::Tracepoint));
        found.into_iter().map(|found| found.field).collect()
    };
    assert_eq!(named(1, "unknown"), [""; 0]);
    assert_eq!(named(0, "unknown"), ["cause.code", "cause.code"]);
    assert_eq!(named(1, "global"), ["cause.code", "cause.code"]);
}

#[test]
fn ignores_the_order_of_flags() {
    let flags = json!(["__GFP_COMP", "GFP_HIGHUSER_MOVABLE", "__GFP_ZERO"]);
    assert_eq!(altered("7.3-global", "/allocation/gfp_flags", flags), [""; 0]);
    let doubled = json!(["__GFP_COMP", "GFP_HIGHUSER_MOVABLE", "__GFP_ZERO", "__GFP_ZERO"]);
    assert_eq!(altered("7.3-global", "/allocation/gfp_flags", doubled), ["allocation.gfp_flags"]);
}

#[test]
fn judges_the_run_itself() {
    let fixture = fixture("7.3-cgroup");
    let good = fixture.with_reports(&fixture.honest());
    let named = |alter: fn(&mut Observation)| -> Vec<String> {
        let mut seen = good.clone();
        alter(&mut seen);
        judge(&fixture.scenario, &seen, Some(Tier::Fentry)).into_iter().map(|found| found.field).collect()
    };
    assert_eq!(named(|_| ()), [""; 0]);
    assert_eq!(named(|seen| seen.tracer = None), ["tracer"]);
    assert_eq!(named(|seen| seen.tracer.as_mut().unwrap().status = Some(Status::Signal(6))), ["exit status"]);
    assert_eq!(named(|seen| seen.tracer.as_mut().unwrap().lines_live = 0), ["live"]);
    let panicked = |seen: &mut Observation| {
        let run = seen.tracer.as_mut().unwrap();
        run.stderr = format!("thread 'main' panicked\n{}", run.stderr.to_chars()).as_str().into();
    };
    assert_eq!(named(panicked), ["standard error"]);
    let miscounted = |seen: &mut Observation| {
        seen.tracer.as_mut().unwrap().stderr = "oomtrace: 1 incidents, 0 victims, 9 frames, 0 lost".into();
    };
    assert_eq!(named(miscounted), ["totals"]);
    let noise = |seen: &mut Observation| seen.tracer.as_mut().unwrap().lines.push(Text::from("oops"));
    assert_eq!(named(noise), ["JSON", "replay"]);
}

/// The findings about a run with two reports whose replay is altered.
fn replayed(alter: impl Fn(&mut Option<Replay>)) -> Vec<String> {
    let fixture = fixture("7.3-parent");
    let mut seen = fixture.with_reports(&fixture.honest());
    alter(&mut seen.tracer.as_mut().unwrap().replay);
    judge(&fixture.scenario, &seen, Some(Tier::Fentry)).into_iter().map(|found| found.field).collect()
}

#[test]
fn detects_a_replay_that_differs_in_one_byte() {
    assert_eq!(replayed(|_| ()), [""; 0]);
    assert_eq!(replayed(|replay| *replay = None), ["replay"]);
    let altered = |alter: fn(&mut Replay)| replayed(|replay| alter(replay.as_mut().unwrap()));
    assert_eq!(altered(|replay| replay.status = Some(Status::Code(6))), ["replay"]);
    assert_eq!(altered(|replay| drop(replay.lines.pop())), ["replay"]);
    let last = replayed(|replay| {
        let line = &mut replay.as_mut().unwrap().lines[1];
        let mut bytes = line.as_bytes().to_vec();
        // A space after the last brace changes nothing for a JSON parser.
        bytes.push(b' ');
        *line = bytes.as_slice().into();
    });
    assert_eq!(last, ["replay of report 2"]);
    let swapped = altered(|replay| replay.lines.swap(0, 1));
    assert_eq!(swapped, ["replay of report 1", "replay of report 2"]);
}

#[test]
fn detects_a_scenario_that_does_not_do_what_it_states() {
    let named = |alter: fn(&mut Fixture)| -> Vec<String> {
        let mut fixture = fixture("5.10-parent");
        alter(&mut fixture);
        judge(&fixture.scenario, &fixture.seen, None).into_iter().map(|found| found.field).collect()
    };
    let mut counted = named(|fixture| fixture.seen.vmstat_oom_kill.1 += 1);
    assert_eq!(counted, ["(outcome) /proc/vmstat oom_kill"]);
    counted = named(|fixture| fixture.scenario.expect.limit_cgroup = Some("/elsewhere".into()));
    assert!(counted.contains(&"(outcome) limit cgroup".to_owned()));
    assert!(
        named(|fixture| fixture.scenario.expect.cause = "global".into()).contains(&"(outcome) cause".into())
    );
    assert!(named(|fixture| fixture.seen.log.clear()).contains(&"(outcome) kills".into()));
    assert!(
        named(|fixture| fixture.seen.processes[0].status = None)
            .contains(&"(outcome) status of large".into())
    );
    assert!(
        named(|fixture| fixture.scenario.expect.victims.clear())
            .contains(&"(outcome) status of large".into())
    );
    let by_tracer = |fixture: &mut Fixture| {
        fixture
            .seen
            .log
            .iter_mut()
            .for_each(|line| *line = line.replace(";hog invoked", ";oomtrace invoked"));
    };
    assert_eq!(named(by_tracer), ["(outcome) triggers"]);
}

/// `rank` named another process before the kill, failed, or did not run.
#[test]
fn names_a_wrong_rank() {
    let fixture = fixture("7.3-swap");
    let honest = fixture.with_reports(&fixture.honest());
    let ranked = honest.rank.clone().unwrap();
    let wrong = [
        None,
        Some(CommandRun { stdout: r#"{"candidates":[{"pid":1}]}"#.into(), ..ranked.clone() }),
        Some(CommandRun { stdout: r#"{"candidates":[]}"#.into(), ..ranked.clone() }),
        Some(CommandRun { status: Some(Status::Code(1)), ..ranked }),
    ];
    for rank in wrong {
        let seen = Observation { rank, ..honest.clone() };
        let found = judge(&fixture.scenario, &seen, Some(Tier::Fentry));
        assert_eq!(found.iter().map(|d| d.field.as_str()).collect::<Vec<_>>(), ["rank before the kill"]);
    }
}
