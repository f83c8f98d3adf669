//! Notifies a service manager that all hooks are in place, so that programs started afterwards are traced from their beginning.
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    time::Duration,
};

use super::say::say;
use crate::{kernel::clock, source::Heartbeat};

/// The variable in which a service manager names its socket.
const VARIABLE: &str = "NOTIFY_SOCKET";

/// The maximum time to wait until the message can be sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// Notifies the service manager, if there is one.
pub(in crate::cmd) fn tell() {
    let Some(address) = env::var_os(VARIABLE) else { return };
    if let Err(error) = send(&address, b"READY=1") {
        say(format_args!("cannot report readiness to the service manager ({VARIABLE}): {error}"));
    }
}

/// Notifies the service manager, if there is one, that the settings are being read again. [`tell`] ends this.
pub(in crate::cmd) fn reloading() {
    let monotonic_ns = clock::boot_ns().saturating_add_signed(clock::monotonic_offset_ns());
    let message = format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_ns / 1000);
    // A service manager that does not listen has nothing to wait for.
    let _ = env::var_os(VARIABLE).map(|address| send(&address, message.as_bytes()));
}

/// Shows the service manager's watchdog that the tracer works, if it has one (`WatchdogSec=` of the unit). `None` otherwise: the tracer
/// then does not wake up for it.
pub(in crate::cmd) fn heartbeat() -> Option<Heartbeat> {
    let every_ns = every_ns(env::var("WATCHDOG_USEC").ok(), env::var("WATCHDOG_PID").ok())?;
    let address = parse(&env::var_os(VARIABLE)?).ok()?;
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    // A service manager that does not read its socket gets the next message.
    let beat = move || drop(socket.send_to_addr(b"WATCHDOG=1", &address));
    Some(Heartbeat::new(every_ns, Box::new(beat)))
}

/// Half the time after which the watchdog acts, in ns, as its documentation recommends; `None` if it is not meant for this process.
/// <https://www.freedesktop.org/software/systemd/man/latest/sd_watchdog_enabled.html>
fn every_ns(usec: Option<String>, pid: Option<String>) -> Option<u64> {
    if pid.is_some_and(|pid| pid != std::process::id().to_string()) {
        return None;
    }
    usec?.parse::<u64>().ok()?.checked_mul(1000 / 2).filter(|every| *every > 0)
}

fn parse(address: &OsStr) -> io::Result<SocketAddr> {
    match address.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(address),
    }
}

fn send(address: &OsStr, message: &[u8]) -> io::Result<()> {
    let address = parse(address)?;
    let socket = UnixDatagram::unbound()?;
    // The service manager may not be reading; the recording continues anyway.
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.send_to_addr(message, &address).map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::linux::net::SocketAddrExt as _;

    use super::{OsStr, SocketAddr, UnixDatagram, every_ns, send};

    fn heard(supervisor: &UnixDatagram) -> String {
        let mut message = [0; 64];
        let length = supervisor.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    #[test]
    fn watchdog_of_another_process_is_ignored() {
        let text = |text: &str| Some(text.to_owned());
        let own = std::process::id().to_string();
        assert_eq!(every_ns(text("60000000"), text(&own)), Some(30_000_000_000));
        assert_eq!(every_ns(text("60000000"), None), Some(30_000_000_000));
        assert_eq!(every_ns(text("60000000"), text("1")), None);
        assert_eq!([every_ns(None, None), every_ns(text("0"), None), every_ns(text("x"), None)], [None; 3]);
    }

    #[test]
    fn sends_to_a_path_and_to_an_abstract_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let supervisor = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), b"READY=1").unwrap();
        assert_eq!(heard(&supervisor), "READY=1");
        let name = format!("oomtrace-test-{}", std::process::id());
        let supervisor = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(OsStr::new(&format!("@{name}")), b"READY=1").unwrap();
        assert_eq!(heard(&supervisor), "READY=1");
        send(OsStr::new("/nonexistent/notify"), b"READY=1").unwrap_err();
    }
}
