//! Tests of the overview with synthetic incidents.

use super::Overview;
use crate::{
    bytes::ByteString,
    explain::{Code, Confidence, Outcome},
    incident::Link,
    report::{Chain, Previous, Report},
    sink::terminal::example,
};

fn at(time: &str, comm: &str, cgroup: &str) -> Report {
    let mut report = example::memcg_kill();
    report.time = Some(time.to_owned());
    report.victims[0].process.comm = Some(comm.into());
    report.domain.cgroup = Some(cgroup.into());
    report
}

fn page(reports: &[Report]) -> String {
    let mut overview = Overview::new();
    for (number, report) in (1..).zip(reports) {
        overview.add(number, report);
    }
    overview.page()
}

#[test]
fn counts_kills_by_time_cause_cgroup_and_name() {
    let mut other = at("2026-01-02T05:00:00Z", "java", "/b");
    other.cause.code = Code::Global;
    let page = page(&[
        at("2026-01-02T03:00:00Z", "python3", "/a"),
        at("2026-01-02T03:00:30Z", "python3", "/a"),
        other,
    ]);
    for words in [
        "<h1>3 kills in 3 incidents</h1>",
        "a column is 5 minutes wide; the highest has 2",
        "<code>memcg_limit</code></th><td class=\"number\">2</td>",
        "<code>global</code></th><td class=\"number\">1</td>",
        "<bdi class=\"name\">/a</bdi></th><td class=\"number\">2</td>",
        "2026-01-02 05:00:00",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let (_, repeat) = page.split_once("Repeat victims").unwrap();
    let (repeat, _) = repeat.split_once("</section>").unwrap();
    assert!(repeat.contains("python3") && !repeat.contains("java"), "{repeat}");
}

#[test]
fn shows_inferred_cause_and_no_name_without_victim() {
    let mut report = at("2026-01-02T03:00:00Z", "python3", "/a");
    assert!(!page(std::slice::from_ref(&report)).contains("inferred"));
    report.cause.confidence = Confidence::Inferred;
    report.selection.outcome = Some(Outcome::NoKill);
    report.victims.clear();
    let page = page(&[report]);
    assert!(page.contains("<code>memcg_limit</code> <span class=\"pid\">inferred</span>"), "{page}");
    assert!(page.contains("<td>none</td>"), "{page}");
}

#[test]
fn shows_chain_as_one_line() {
    assert!(!page(&[at("2026-01-02T03:00:00Z", "python3", "/a")]).contains("Chains of kills"));
    let mut reports: Vec<Report> = Vec::new();
    for (position, comm) in (1..).zip(["python3", "node", "java"]) {
        let mut report = at("2026-01-02T03:00:00Z", comm, "/a");
        let previous =
            Previous { id: "b".to_owned(), before_ns: 1, pid: Some(1), comm: Some("python3".into()) };
        let chain = Chain {
            id: "a".to_owned(),
            number: Some(1),
            position,
            since_ns: 40_000_000_000,
            link: Link::SameDomain,
            previous,
        };
        report.chain = (position > 1).then_some(chain);
        reports.push(report);
    }
    let page = page(&reports);
    let (_, chains) = page.split_once("Chains of kills").unwrap();
    let (chains, _) = chains.split_once("</section>").unwrap();
    assert_eq!(chains.matches("<tr>").count(), 2, "{chains}");
    for words in ["<td class=\"number\">3</td>", "40.0 s", "python3", "node", "java"] {
        assert!(chains.contains(words), "{words}: {chains}");
    }
    assert!(page.contains("chain 1.3") && page.contains("chain 1.2") && !page.contains("chain 1.1"));
}

#[test]
fn limits_list_and_says_so() {
    let mut overview = Overview::new();
    for number in 1..=20_000_u32 {
        let cgroup = format!("/pod{number}");
        overview.add(number.into(), &at("2026-01-02T03:00:00Z", "worker", &cgroup));
    }
    let page = overview.page();
    assert!(page.contains("the last 1 000 of 20 000"), "{}", page.len());
    assert!(
        page.contains("<td class=\"number\">20000</td>") && !page.contains("<td class=\"number\">19000</td>")
    );
    assert!(page.len() < 1_000_000, "{}", page.len());
}

#[test]
fn accepts_no_incidents_and_escapes_names() {
    assert!(page(&[]).contains("No incident has a time."));
    let mut odd = example::hostile_kill();
    odd.domain.cgroup = Some(ByteString::from(b"/<b>\x1b\xff".to_vec()));
    odd.time = None;
    let page = page(&[odd.clone(), odd]);
    assert!(page.contains("/&lt;b&gt;\\x1b\\xff") && page.contains("2 without a time"), "{page}");
    assert!(!page.contains("<script") && !page.contains('\u{1b}') && !page.contains("<b>\\x1b"));
}
