//! What a service manager is told (sd_notify(3)).

use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::env;

/// Where systemd listens, for services of `Type=notify`.
const SOCKET: &str = "NOTIFY_SOCKET";
const READY: &[u8] = b"READY=1\n";

/// Says that requests are answered from now on, if somebody wants to know.
pub(super) fn ready() -> io::Result<()> {
    match env::var(SOCKET) {
        Some(name) => say(READY, &name),
        None => Ok(()),
    }
}

fn say(message: &[u8], name: &str) -> io::Result<()> {
    UnixDatagram::unbound()?
        .send_to_addr(message, &address(name)?)
        .map(|_| ())
}

/// A path, or after an `@` a name in Linux's abstract namespace.
fn address(name: &str) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name.strip_prefix('@') {
        use std::os::linux::net::SocketAddrExt as _;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> Vec<u8> {
        let mut message = [0; 64];
        let length = socket.recv(&mut message).unwrap();
        message[..length].to_vec()
    }

    #[test]
    fn a_service_manager_hears_at_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        say(READY, path.to_str().unwrap()).unwrap();
        assert_eq!(heard(&socket), READY);
        drop(socket);
        let gone = say(READY, path.to_str().unwrap()).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_service_manager_hears_under_an_abstract_name() {
        use std::os::linux::net::SocketAddrExt as _;
        let name = format!("signhere-notify-{}", std::process::id());
        let bound = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&bound).unwrap();
        say(READY, &format!("@{name}")).unwrap();
        assert_eq!(heard(&socket), READY);
    }
}
