//! The multi-gen LRU is told to keep whatever was used lately (`min_ttl_ms`): kswapd finds nothing it may reclaim, and
//! asks for a kill before any allocation fails.

use super::{Expect, Feature, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        cause: "mglru".to_owned(),
        // kswapd asks again before the memory of the first victim is back.
        kills: (1, 2),
        victims: vec!["allocator".to_owned(), "small".to_owned()],
        ..Expect::global("allocator")
    };
    let mut scenario = Scenario::new("mglru", expect)
        .sysctl("/sys/kernel/mm/lru_gen/enabled", "y")
        .sysctl("/sys/kernel/mm/lru_gen/min_ttl_ms", "600000")
        // kswapd begins a tenth of the memory before allocations fail, so that it is always the first.
        .sysctl("vm/watermark_scale_factor", "1000")
        .process(Process::bystander("small", 16).comm(b"small"))
        .process(Process::allocator("allocator", 2048).oom_score_adj(100).uid(1000));
    scenario.needs.push(Feature::LruGen);
    scenario.alone = true;
    scenario
}
