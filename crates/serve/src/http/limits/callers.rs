//! Who calls.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::http::connections::Origin;

/// How a request's caller is told.
#[derive(Debug)]
pub(crate) struct Callers {
    exempt: Vec<IpNet>,
    proxies: Vec<IpNet>,
}

impl Callers {
    pub(super) fn new(exempt: Vec<IpNet>, proxies: Vec<IpNet>) -> Self {
        Self { exempt, proxies }
    }

    /// Whether a caller may ask as often as it likes.
    pub(super) fn is_exempt(&self, caller: IpAddr) -> bool {
        self.exempt.iter().any(|net| net.contains(&caller))
    }

    /// Who opens a connection. A trusted proxy opens them for many, and is exempt.
    pub(crate) fn origin(&self, peer: IpAddr) -> Origin {
        let peer = peer.to_canonical();
        Origin {
            address: site(peer),
            is_exempt: self.is_proxy(peer) || self.is_exempt(site(peer)),
        }
    }

    /// The address of who asks. Behind trusted proxies that is the last address in `X-Forwarded-For` that no
    /// trusted proxy has: what stands before it was said by the caller itself.
    ///
    /// A peer that is not known (there is none on a socket without addresses) is the unspecified address.
    pub(super) fn caller(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> IpAddr {
        let peer = peer
            .unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
            .to_canonical();
        if !self.is_proxy(peer) {
            return site(peer);
        }
        let mut caller = peer;
        let named = headers.get_all("x-forwarded-for").iter().rev();
        for address in named.flat_map(|value| value.to_str().unwrap_or("?").rsplit(',')) {
            // What cannot be read was not written by a proxy that is trusted: who wrote it counts.
            let Ok(address) = address.trim().parse::<IpAddr>() else {
                break;
            };
            caller = address.to_canonical();
            if !self.is_proxy(caller) {
                break;
            }
        }
        site(caller)
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|net| net.contains(&address))
    }
}

/// The address, or in IPv6 the /64 around it, within which a site chooses addresses freely.
fn site(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) if !address.is_loopback() => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}
