//! The content of the domain, figures whose size the scenario knows, and whether the formula explains the choice.

use oomtrace_scenarios::compare::judge;
use serde_json::json;

use crate::fixtures::{altered, fixture};

#[test]
fn an_unmapped_file_is_only_in_memory_stat() {
    for name in ["5.10-tmpfs", "6.12-tmpfs"] {
        let both = ["domain.memory_stat.shmem"; 2];
        assert_eq!(altered(name, "/domain/memory_stat/shmem", json!(0)), both, "{name}");
        assert_eq!(altered(name, "/domain/memory_stat", json!({ "anon": 1 }))[0], "domain.memory_stat");
        let named = altered(name, "/victims/0/memory/anon_rss_bytes", json!(30 << 20));
        assert_eq!(named, ["victims.0.memory.anon_rss_bytes"; 2], "{name}");
    }
}

#[test]
fn requires_large_page_tables() {
    for name in ["5.10-page_tables", "7.3-page_tables"] {
        let named = altered(name, "/victims/0/memory/pgtables_bytes", json!(4096));
        assert_eq!(named, ["victims.0.memory.pgtables_bytes"; 2], "{name}");
    }
}

#[test]
fn memsw_has_its_own_usage_and_limit() {
    for name in ["5.10-v1_memsw", "6.1-v1_memsw"] {
        for (field, wrong) in [("swap_limit_bytes", 64_u64 << 20), ("swap_usage_bytes", 0)] {
            let named = altered(name, &format!("/domain/{field}"), json!(wrong));
            assert_eq!(named, [format!("domain.{field}"), format!("domain.{field}")], "{name}");
        }
    }
    let limit = json!(1 << 20);
    assert_eq!(altered("7.3-cgroup", "/domain/swap_limit_bytes", limit), ["domain.swap_limit_bytes"]);
}

#[test]
fn detects_a_choice_that_the_formula_does_not_explain() {
    for name in ["6.1-adj_ladder", "7.3-adj_ladder", "5.10-page_tables"] {
        let mut fixture = fixture(name);
        assert_eq!(judge(&fixture.scenario, &fixture.seen, None), [], "{name}");
        // The same table with a higher `oom_score_adj` of another process, which should then have been killed instead.
        let victim = if name.ends_with("page_tables") { "resident" } else { "large" };
        let adj = if victim == "large" { "          -900 large" } else { "             0 resident" };
        let raised =
            adj.replace("          -900", "           900").replace("             0 r", "           900 r");
        fixture.seen.log.iter_mut().for_each(|line| *line = line.replace(adj, &raised));
        let named: Vec<String> =
            judge(&fixture.scenario, &fixture.seen, None).into_iter().map(|found| found.field).collect();
        assert_eq!(named, ["(outcome) choice"], "{name}");
    }
}
