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

/// The variable in which a service manager names its socket.
const VARIABLE: &str = "NOTIFY_SOCKET";

/// The maximum time to wait until the message can be sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// Notifies the service manager, if there is one.
pub(in crate::cmd) fn tell() {
    let Some(address) = env::var_os(VARIABLE) else { return };
    if let Err(error) = tell_at(&address) {
        say(format_args!("cannot report readiness to the service manager ({VARIABLE}): {error}"));
    }
}

fn tell_at(address: &OsStr) -> io::Result<()> {
    let address = match address.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(address)?,
    };
    let socket = UnixDatagram::unbound()?;
    // The service manager may not be reading; the recording continues anyway.
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.send_to_addr(b"READY=1", &address).map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::linux::net::SocketAddrExt as _;

    use super::{OsStr, SocketAddr, UnixDatagram, tell_at};

    fn heard(supervisor: &UnixDatagram) -> String {
        let mut message = [0; 64];
        let length = supervisor.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    #[test]
    fn sends_to_a_path_and_to_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let supervisor = UnixDatagram::bind(&path).unwrap();
        tell_at(path.as_os_str()).unwrap();
        assert_eq!(heard(&supervisor), "READY=1");
        let name = format!("oomtrace-test-{}", std::process::id());
        let supervisor = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        tell_at(OsStr::new(&format!("@{name}"))).unwrap();
        assert_eq!(heard(&supervisor), "READY=1");
        tell_at(OsStr::new("/nonexistent/notify")).unwrap_err();
    }
}
