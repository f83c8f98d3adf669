//! Parses addresses from the command line.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// An address and a port, or a port alone, which is then on the loopback interface, so that only this machine can connect.
///
/// # Errors
///
/// If it is neither.
pub(super) fn listen(typed: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = typed.parse() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    typed.parse().map_err(|_| format!("an address is 9402, 0.0.0.0:9402 or [::]:9402, not `{typed}`"))
}

#[cfg(test)]
mod tests {
    use super::listen;

    #[test]
    fn puts_a_port_alone_on_the_loopback_interface() {
        let shown = |typed| listen(typed).map(|address| address.to_string());
        assert_eq!(shown("9402"), Ok("127.0.0.1:9402".to_owned()));
        assert_eq!(shown("0.0.0.0:9402"), Ok("0.0.0.0:9402".to_owned()));
        assert_eq!(shown("[::1]:80"), Ok("[::1]:80".to_owned()));
        for wrong in ["", "localhost:9402", "70000", ":9402", "127.0.0.1"] {
            assert!(listen(wrong).is_err(), "{wrong}");
        }
    }
}
