//! Outcomes of runs, from hand-made incidents and samples.

use crate::{
    experiment::{
        file::parse,
        predict::{Asked, predict},
        result::{Machine, Outcome, outcome},
        run::{Counters, Ended, NOBODY, Observed, Run, Sample, Started, run},
    },
    explain::{Code, Policy},
    incident::Incident,
    sink::terminal::experiment::text,
    whatif::tests::example::in_pods,
};

/// An incident with a decision and one victim: 9000 pages, exited 5 µs later.
fn incident() -> Incident {
    let mut incident = in_pods();
    incident.boot_ns = 10_000;
    incident.victims[0].exit_ns = Some(15_000);
    incident
}

fn observed(number: usize, variant: usize) -> Observed {
    let started = |name: &str, pid, ended| Started { name: name.to_owned(), pid: Some(pid), ended };
    // Usage in pages. The first reclaim is seen at 8000.
    let sample = |boot_ns, pages: u64, reclaims| Sample {
        boot_ns,
        levels: [("/pods".to_owned(), Counters { usage_bytes: pages * 4096, reclaims })].into(),
    };
    Observed {
        number,
        variant,
        span_ns: (1, 100_000),
        top: "/pods".to_owned(),
        processes: vec![
            started("service", 901, Some(Ended::Signal(9))),
            started("database", 812, None),
            started("client", 950, Some(Ended::Signal(13))),
        ],
        samples: vec![
            sample(5000, 1, 3),
            sample(8000, 16_000, 4),
            sample(16_000, 9000, 9),
            sample(90_000, 8000, 9),
        ],
        ..Observed::default()
    }
}

#[test]
fn names_victims_and_measures_times_of_a_run() {
    let run = run(&observed(1, 0), &[incident()], "plain");
    assert_eq!(
        (run.victim.as_str(), run.cause, run.policy),
        ("service", Some(Code::MemcgLimit), Some(Policy::Badness))
    );
    assert_eq!(run.trigger.as_deref(), Some("client"));
    assert_eq!(run.recovery_ns, Some(7000));
    assert_eq!(run.freed_bytes, Some(9000 * 4096));
    // From the full 16384 pages to 8000.
    assert_eq!(run.over_freed_bytes, Some(8384 * 4096));
    // The victim's own end is not collateral, but the client's is.
    assert_eq!(run.collateral, ["client"]);
    assert_eq!(run.killed.len(), 1);
}

#[test]
fn ignores_incidents_elsewhere_or_at_other_times() {
    let elsewhere = Observed { top: "/other".to_owned(), processes: Vec::new(), ..observed(1, 0) };
    assert_eq!(run(&elsewhere, &[incident()], "plain").victim, NOBODY);
    let later = Observed { span_ns: (20_000, 100_000), ..observed(1, 0) };
    let run = run(&later, &[incident()], "plain");
    assert_eq!((run.victim.as_str(), run.cause, run.freed_bytes), (NOBODY, None, None));
    assert_eq!(run.collateral, ["service", "client"]);
}

#[test]
fn reclaim_is_never_later_than_the_decision() {
    let mut observed = observed(1, 0);
    // The machine was busy, so the sample that sees the reclaim comes late.
    observed.samples[1].boot_ns = 14_000;
    assert_eq!(run(&observed, &[incident()], "plain").recovery_ns, Some(5000));
}

const FILE: &str = r#"title = "who?"
repeats = 10
[[process]]
name = "service"
hog = "anon"
size = 1
[[process]]
name = "database"
hog = "anon"
size = 1
[[variant]]
name = "plain"
[[variant]]
name = "exposed"
process.database.oom_score_adj = 1000
[[variant]]
name = "larger"
process.database.size = 2
"#;

/// Ten runs of each variant. The exposed database is killed in every run of its variant.
fn compared() -> Outcome {
    let plan = parse(FILE).unwrap();
    let variants = [("plain", "service"), ("exposed", "database"), ("larger", "service")];
    let of = |number: usize| {
        let variant = number % 3;
        let (name, victim) = variants[variant];
        Run { victim: victim.to_owned(), ..run(&observed(number, variant), &[incident()], name) }
    };
    let runs: Vec<Run> = (0..30).map(of).collect();
    let (observed, incidents) = (observed(1, 0), [incident()]);
    // The first run of `plain`.
    let observed = Observed { number: 0, ..observed };
    let asked = [Asked { observed: &observed, incidents: &incidents }];
    let predictions = [(0, 1), (0, 2)].into_iter().filter_map(|pair| predict(&plan, pair, &asked, &runs));
    outcome(&plan, Machine::default(), runs.clone(), predictions.collect())
}

#[test]
fn reports_only_real_differences() {
    let outcome = compared();
    assert!(outcome.complete);
    let differing: Vec<[&str; 3]> = outcome
        .comparisons
        .iter()
        .filter(|comparison| comparison.differ)
        .map(|comparison| [comparison.one.as_str(), &comparison.other, comparison.figure])
        .collect();
    assert_eq!(differing, [["plain", "exposed", "victim"], ["exposed", "larger", "victim"]]);
}

#[test]
fn predicts_if_whatif_can_express_the_difference() {
    let outcome = compared();
    let [prediction] = outcome.predictions.as_slice() else { panic!("{:?}", outcome.predictions) };
    assert_eq!((prediction.from.as_str(), prediction.to.as_str()), ("plain", "exposed"));
    assert_eq!((prediction.claimed, prediction.tested, prediction.came_true), (1, 1, 1));
    assert_eq!(prediction.victims.keys().collect::<Vec<_>>(), ["database"]);
}

#[test]
fn table_contains_names_and_probabilities() {
    let text = text(&compared(), false);
    assert!(text.contains("plain and exposed differ in victim (p = "), "{text}");
    assert!(text.contains("no difference found between plain and larger"), "{text}");
    assert!(text.contains("service 10×") && text.contains("database 10×"), "{text}");
    assert!(text.contains("1 of 1 predictions name the usual victim"), "{text}");
    assert!(!text.contains('\x1b') && !text.contains("time was up"), "{text}");
}
