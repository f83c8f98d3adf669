//! `--metrics`, scraped by a real Prometheus in a storm of kills, and the rules of `contrib/prometheus`.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Local;
use super::kills::kill_one;
use super::tracer::{Said, Tracer, at};
use crate::host::run::{run, say};
use crate::host::scratch::Scratch;
use crate::host::workspace;

/// The Debian package.
pub(super) const PACKAGE: &str = "prometheus";

/// The cgroup of the storm.
const NAME: &str = "oomtrace-test-metrics";

/// The number of kills in the storm.
pub(super) const KILLS: usize = 300;

/// The time limit for Prometheus to see the last kill.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Prometheus that scrapes every second, stopped when dropped.
struct Prometheus {
    child: Child,
    port: u16,
}

/// Checks that Prometheus and the JSON stream agree with each other and with the kills.
pub(super) fn prometheus_agrees(local: &Local, kills: usize) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, NAME.as_bytes(), 4 << 20)?;
    let (port, folder) = (free_port()?, tempfile::tempdir().context("creating a directory")?);
    let tracer = Tracer::start(local, &["watch", "--format", "json", "--metrics", &port.to_string()])?;
    let prometheus = Prometheus::start(folder.path(), port)?;
    let pids: Vec<u32> = (0..kills).map(|_| kill_one(local, &scratch, &[])).collect::<Result<_>>()?;
    let query = format!("sum(container_oom_events_total{{id=\"/{NAME}\"}})");
    let seen = prometheus.wait_for(&query, pids.len())?;
    let lost = prometheus.ask("sum(oomtrace_lost_frames_total)+sum(oomtrace_dropped_reports_total)")?;
    let own = oom_kill(&scratch)?;
    let kernel = prometheus.ask("sum(oomtrace_kernel_kills_total)")?;
    let recovered = prometheus.ask("sum(oomtrace_recovery_seconds_count)")?;
    let said = tracer.end("-INT")?;
    let told = victims(&said)?;
    ensure!(told == pids.len() && seen == Some(told), "{told} in JSON, {seen:?} in Prometheus");
    ensure!(own == Some(told), "{told} in JSON, {own:?} in the cgroup's own counter");
    ensure!(lost == Some(0), "{lost:?} lost");
    ensure!(kernel.is_some_and(|kernel| kernel >= told), "the kernel counts {kernel:?} of {told} kills");
    ensure!(recovered.is_some_and(|count| count >= told), "{recovered:?} of {told} recoveries");
    say(&format!("{told} kills in the JSON, in Prometheus and in the cgroup's counter, and nothing lost"));
    Ok(())
}

/// The kernel's own count of kills in a cgroup: `oom_kill` in `memory.events` (v2) or `memory.oom_control` (v1).
fn oom_kill(scratch: &Scratch) -> Result<Option<usize>> {
    let read = |name: &str| fs::read_to_string(scratch.path.join(name));
    let text =
        read("memory.events").or_else(|_| read("memory.oom_control")).context("reading the counter")?;
    Ok(text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()))
}

/// Checks that the rules and alerts are valid and pass their tests.
pub(super) fn rules() -> Result<()> {
    let folder = workspace::root().join("contrib/prometheus");
    let promtool =
        |words: &[&str]| run(Command::new("promtool").args(words).current_dir(&folder).stdout(Stdio::null()));
    promtool(&["check", "rules", "oomtrace.rules.yml"])?;
    promtool(&["test", "rules", "oomtrace.test.yml"])
}

/// The number of victims in the JSON stream.
fn victims(said: &Said) -> Result<usize> {
    let of_storm = |report: &Value| {
        let victims = at(report, "/victims").as_array().cloned().unwrap_or_default();
        let cgroup = format!("/{NAME}");
        victims.iter().filter(|victim| at(victim, "/cgroup").as_str() == Some(&cgroup)).count()
    };
    Ok(said.reports()?.iter().map(of_storm).sum())
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr().context("looking for a free port")?.port())
}

impl Prometheus {
    fn start(folder: &Path, target: u16) -> Result<Self> {
        let (port, config) = (free_port()?, folder.join("prometheus.yml"));
        let text = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: oomtrace, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}]\n"
        );
        fs::write(&config, text).with_context(|| format!("writing {}", config.display()))?;
        let mut prometheus = Command::new("prometheus");
        prometheus.arg(format!("--config.file={}", config.display()));
        prometheus.arg(format!("--storage.tsdb.path={}", folder.join("data").display()));
        prometheus.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        prometheus.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { child: prometheus.spawn().context("starting prometheus")?, port })
    }

    /// Queries until the answer is at least `wanted`. Returns the last answer.
    fn wait_for(&self, query: &str, wanted: usize) -> Result<Option<usize>> {
        let start = Instant::now();
        loop {
            // Prometheus refuses connections until it is ready.
            let seen = self.ask(query).unwrap_or_default();
            if seen.is_some_and(|seen| seen >= wanted) || start.elapsed() > PATIENCE {
                return Ok(seen);
            }
            sleep(Duration::from_millis(500));
        }
    }

    /// The value of an instant query. `None` if no series matches.
    fn ask(&self, query: &str) -> Result<Option<usize>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).context("asking prometheus")?;
        let escaped: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        write!(stream, "GET /api/v1/query?query={escaped} HTTP/1.0\r\n\r\n").context("asking prometheus")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).context("reading prometheus's answer")?;
        let (_, body) = answer.split_once("\r\n\r\n").context("prometheus's answer has no body")?;
        let json: Value = serde_json::from_str(body).context("prometheus's answer is not JSON")?;
        Ok(at(&json, "/data/result/0/value/1").as_str().and_then(|value| value.parse().ok()))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may already have exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
