//! The multi-gen LRU must keep recently used pages (`min_ttl_ms`): kswapd finds nothing that it may reclaim, and invokes the
//! OOM killer before any allocation fails.

use super::{Expect, Feature, Process, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        cause: "mglru".to_owned(),
        // kswapd invokes the OOM killer again before the memory of the first victim is freed.
        kills: (1, 2),
        victims: vec!["allocator".to_owned(), "small".to_owned()],
        ..Expect::global("allocator")
    };
    let mut scenario = Scenario::new("mglru", expect)
        .sysctl("/sys/kernel/mm/lru_gen/enabled", "y")
        .sysctl("/sys/kernel/mm/lru_gen/min_ttl_ms", "600000")
        // kswapd starts a tenth of the memory before allocations fail, so that it always comes first.
        .sysctl("vm/watermark_scale_factor", "1000")
        .process(Process::bystander("small", 16).comm(b"small"))
        .process(Process::allocator("allocator", 2048).oom_score_adj(100).uid(1000));
    scenario.needs.push(Feature::LruGen);
    scenario.alone = true;
    scenario
}
