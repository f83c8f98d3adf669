//! Counters and histograms of reported incidents.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::{
    super::facts::Facts,
    labels::{Cause, Container, Decision, Victim},
    places::Places,
};

/// Upper bounds of both histograms, in seconds: from a decision without contention to a victim that needs a minute to exit.
const BOUNDS: [f64; 11] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0, 60.0];

/// The metrics that incidents are counted in.
pub(super) struct Families {
    kills: Family<Decision, Counter>,
    victims: Family<Victim, Counter>,
    no_kill: Family<Cause, Counter>,
    empty_passes: Counter,
    decision: Histogram,
    recovery: Histogram,
    places: Places,
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            kills: Family::default(),
            victims: Family::default(),
            no_kill: Family::default(),
            empty_passes: Counter::default(),
            decision: Histogram::new(BOUNDS),
            recovery: Histogram::new(BOUNDS),
            places: Places::default(),
        };
        families.describe(registry);
        families
    }

    fn describe(&self, registry: &mut Registry) {
        registry.register("oomtrace_kills", "Reported decisions that killed a process", self.kills.clone());
        registry.register(
            "oomtrace_victims",
            "Processes that were killed or marked in reported decisions",
            self.victims.clone(),
        );
        registry.register(
            "oomtrace_decisions_without_kill",
            "Reported decisions that killed no process",
            self.no_kill.clone(),
        );
        registry.register(
            "oomtrace_empty_passes",
            "Passes through out_of_memory that killed no process",
            self.empty_passes.clone(),
        );
        registry.register(
            "container_oom_events",
            "Processes that the kernel killed for memory, by their cgroup; the labels are cAdvisor's",
            self.places.counters(),
        );
        registry.register_with_unit(
            "oomtrace_decision",
            "From the decision to the victim's SIGKILL",
            Unit::Seconds,
            self.decision.clone(),
        );
        registry.register_with_unit(
            "oomtrace_recovery",
            "From the decision until the memory of the last victim was given back",
            Unit::Seconds,
            self.recovery.clone(),
        );
    }

    pub(super) fn count(&mut self, facts: &Facts) {
        let cause = facts.cause.name();
        if facts.killed {
            self.kills.get_or_create(&Decision::of(facts)).inc();
        } else {
            self.no_kill.get_or_create(&Cause { cause }).inc();
        }
        self.empty_passes.inc_by(facts.empty_passes);
        for victim in &facts.victims {
            self.victims.get_or_create(&Victim { cause, role: victim.role.name() }).inc();
            if facts.killed && facts.is_kernels() {
                self.places.count(Container::of(&victim.place));
            }
        }
        facts.decision_ns.into_iter().for_each(|ns| self.decision.observe(seconds(ns)));
        facts.recovery_ns.into_iter().for_each(|ns| self.recovery.observe(seconds(ns)));
    }
}

fn seconds(ns: u64) -> f64 {
    std::time::Duration::from_nanos(ns).as_secs_f64()
}
