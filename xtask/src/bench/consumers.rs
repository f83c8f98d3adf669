//! Measures whether consumers of reports delay a report: commands that hang, fail, fork and flood, scrapers that hang, and clients of the
//! socket that do not read.

use std::{
    fs,
    io::Write as _,
    net::{TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::{
    Bench,
    figures::{Row, Samples},
    kills,
    tracer::{Tracer, status_kib},
};

/// A command of `--exec`. Each run does one of four things, by its process id.
const HOOK: &str = "#!/bin/sh
case $(($$ % 4)) in
0) exec sleep 60 ;;
1) echo failed >&2; exit 1 ;;
2) for _ in 1 2 3 4 5 6 7 8; do (sleep 60 &) & done; exec sleep 60 ;;
3) exec timeout 0.2 cat /dev/zero >&2 ;;
esac
";

/// Clients of each kind that connect and never read.
const SILENT: usize = 16;

/// The pause between two requests of a client that floods.
const PAUSE: Duration = Duration::from_millis(1);

/// Measures kills without consumers, and with hostile ones, and the memory of each consumer. Returns a row for each.
pub(super) fn measure(bench: &Bench, count: u32) -> Result<Vec<Row>> {
    let quiet = delays(bench, count, &[])?;
    let place = Place::new(bench.folder.path())?;
    let options = place.options();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let tracer = Tracer::start_with(&bench.oomtrace, &options)?;
    let clients = Clients::start(&place)?;
    let hostile = kills::delays(bench, &tracer, count)?;
    drop(clients);
    let (said, _) = tracer.end()?;
    print!("{said}");
    Ok([("without consumers", quiet), ("with hostile commands, scrapers and clients", hostile)]
        .into_iter()
        .filter_map(|(name, delays)| Some((name, Samples::new(delays)?)))
        .map(|(name, delays)| {
            Row::new(
                format!("exit to line read, {name}: median / p99 / most, ms"),
                "+1",
                delays.tail_and_most(),
            )
        })
        .chain(memory(bench)?)
        .collect())
}

fn delays(bench: &Bench, count: u32, options: &[&str]) -> Result<Vec<f64>> {
    let tracer = Tracer::start_with(&bench.oomtrace, options)?;
    let delays = kills::delays(bench, &tracer, count)?;
    tracer.end()?;
    Ok(delays)
}

/// The resident memory at rest without consumers, and with each alone.
fn memory(bench: &Bench) -> Result<Vec<Row>> {
    let place = Place::new(bench.folder.path())?;
    let metrics = ["--metrics".to_owned(), place.port.to_string()];
    let socket = ["--socket".to_owned(), place.socket()];
    let ways: [(&str, &'static str, &[String]); 3] =
        [("no consumer", "", &[]), ("--metrics", "+1.5", &metrics), ("--socket", "", &socket)];
    let row = |(name, target, options): (&str, &'static str, &[String])| {
        let mut all = Vec::new();
        for _ in 0..STARTS {
            let tracer = Tracer::start_with(&bench.oomtrace, options)?;
            thread::sleep(SETTLED);
            let rest = status_kib(tracer.pid(), "VmRSS")?.context("the tracer has ended")?;
            tracer.end()?;
            all.push(f64::from(rest) / 1024.0);
        }
        let rest = Samples::new(all).context("nothing was measured")?;
        Ok(Row::new(format!("resident at rest, {name}, MiB"), target, rest.spread()))
    };
    ways.into_iter().map(row).collect()
}

/// Starts for a figure of memory.
const STARTS: usize = 9;

/// Time after which the start of a tracer is over.
const SETTLED: Duration = Duration::from_millis(500);

/// The command, the port and the socket.
struct Place {
    hook: String,
    socket: String,
    port: u16,
}

impl Place {
    fn new(directory: &Path) -> Result<Self> {
        let hook = directory.join("hook");
        fs::write(&hook, HOOK).context("writing the command")?;
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755))?;
        let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
        let text = |path: &Path| path.to_str().map(str::to_owned).context("a path that is not UTF-8");
        Ok(Self {
            hook: text(&hook)?,
            socket: text(&directory.join("socket"))?,
            port: listener.local_addr()?.port(),
        })
    }

    fn socket(&self) -> String {
        self.socket.clone()
    }

    fn options(&self) -> Vec<String> {
        let port = self.port.to_string();
        let options =
            ["--exec", &self.hook, "--exec-timeout", "1s", "--metrics", &port, "--socket", &self.socket];
        options.map(str::to_owned).to_vec()
    }
}

/// Clients that hang, and clients that flood, until they are dropped.
struct Clients {
    over: Arc<AtomicBool>,
    flooders: Vec<JoinHandle<()>>,
    _silent: (Vec<TcpStream>, Vec<UnixStream>),
}

impl Clients {
    fn start(place: &Place) -> Result<Self> {
        let port = place.port;
        let scrapers =
            (0..SILENT / 2).map(|_| TcpStream::connect(("127.0.0.1", port))).collect::<Result<_, _>>()?;
        let subscribers = (0..SILENT)
            .map(|_| {
                let mut stream = UnixStream::connect(&place.socket)?;
                stream.write_all(b"{\"ask\":\"events\"}\n").map(|()| stream)
            })
            .collect::<Result<_, _>>()?;
        let over = Arc::<AtomicBool>::default();
        let (of_metrics, of_socket, socket) = (Arc::clone(&over), Arc::clone(&over), place.socket.clone());
        let flooders = vec![
            thread::spawn(move || {
                flood(
                    &of_metrics,
                    || TcpStream::connect(("127.0.0.1", port)).ok(),
                    b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
                );
            }),
            thread::spawn(move || {
                flood(
                    &of_socket,
                    || UnixStream::connect(&socket).ok(),
                    b"{\"ask\":\"why\",\"target\":\"1\"}\n",
                );
            }),
        ];
        Ok(Self { over, flooders, _silent: (scrapers, subscribers) })
    }
}

/// Sends requests and reads no answer.
fn flood<S: std::io::Write>(over: &AtomicBool, connect: impl Fn() -> Option<S>, request: &[u8]) {
    while !over.load(Ordering::Relaxed) {
        if let Some(mut stream) = connect() {
            // The server may have closed the connection.
            let _ = stream.write_all(request);
        }
        thread::sleep(PAUSE);
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for flooder in self.flooders.drain(..) {
            // It only sends requests, and has nothing to report.
            let _ = flooder.join();
        }
    }
}
