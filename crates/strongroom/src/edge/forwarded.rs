//! Who the client is behind a proxy. Only configured proxies are believed; anyone else's word is ignored.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::HeaderMap;

/// The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. None by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<NetworkRange>);

impl TrustedProxies {
    /// Believes the connections that come from these ranges.
    #[must_use]
    pub fn new(ranges: Vec<NetworkRange>) -> Self {
        Self(ranges)
    }

    /// The client's address and whether its side is TLS, for a request that came over a connection from `peer`.
    ///
    /// Each proxy appends the address it was called from, so the list is read from its end: the first address that
    /// is no proxy of ours is the client's. What stands before it is the client's own claim.
    pub(super) fn client(
        &self,
        peer: SocketAddr,
        secure: bool,
        headers: &HeaderMap,
    ) -> (SocketAddr, bool) {
        if self.0.is_empty() || !self.trusts(peer.ip()) {
            return (peer, secure);
        }
        let hops = headers.get_all("x-forwarded-for").into_iter().rev();
        let hops = hops.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        let mut client = peer;
        for hop in hops {
            let Ok(address) = hop.trim().parse::<IpAddr>() else {
                break;
            };
            client = SocketAddr::new(address.to_canonical(), 0);
            if !self.trusts(address) {
                break;
            }
        }
        let protocol = headers.get_all("x-forwarded-proto").into_iter().next_back();
        let protocol = protocol.and_then(|line| line.to_str().ok()?.rsplit(',').next());
        let secure = protocol.map_or(secure, |protocol| {
            protocol.trim().eq_ignore_ascii_case("https")
        });
        (client, secure)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(address))
    }
}

/// Addresses with a common prefix, written `10.0.0.0/8`, `fd00::/8` or as one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkRange {
    address: IpAddr,
    prefix_bits: u8,
}

impl NetworkRange {
    /// Whether `address` is in the range; an IPv4 address may come in its IPv6 form.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(range), IpAddr::V4(address)) => {
                let differing = range.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix_bits)
            }
            (IpAddr::V6(range), IpAddr::V6(address)) => {
                let differing = range.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix_bits)
            }
            _ => false,
        }
    }
}

impl FromStr for NetworkRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not an address range; write one like `10.0.0.0/8`, `fd00::/8` or `192.0.2.7`"
            )
        };
        let (address, prefix) = text
            .split_once('/')
            .map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address = address.parse::<IpAddr>().map_err(|_| wrong())?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = prefix.map_or(Ok(bits_max), |bits| bits.parse().map_err(|_| wrong()))?;
        if prefix_bits > bits_max {
            return Err(wrong());
        }
        Ok(Self {
            address,
            prefix_bits,
        })
    }
}

impl fmt::Display for NetworkRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix_bits)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &'static str)]) -> (String, bool) {
        let proxies = TrustedProxies::new(vec![
            "10.0.0.0/8".parse().unwrap(),
            "fd00::/8".parse().unwrap(),
        ]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 4242);
        let (client, secure) = proxies.client(peer, false, &map);
        (client.ip().to_string(), secure)
    }

    #[test]
    fn only_a_configured_proxy_is_believed() {
        let claim = [
            ("x-forwarded-for", "198.51.100.1"),
            ("x-forwarded-proto", "https"),
        ];
        let cases = [
            ("192.0.2.9", &claim[..], ("192.0.2.9", false)),
            ("10.1.2.3", &claim[..], ("198.51.100.1", true)),
            ("::ffff:10.1.2.3", &claim[..], ("198.51.100.1", true)),
            ("fd00::1", &claim[..], ("198.51.100.1", true)),
            ("10.1.2.3", &[], ("10.1.2.3", false)),
        ];
        for (peer, headers, (address, secure)) in cases {
            assert_eq!(
                client(peer, headers),
                (address.to_owned(), secure),
                "{peer} {headers:?}"
            );
        }
    }

    #[test]
    fn the_client_is_the_last_hop_that_is_no_proxy_of_ours() {
        let cases = [
            // The client wrote the first address itself.
            (
                &[("x-forwarded-for", "203.0.113.66, 198.51.100.1, 10.9.9.9")][..],
                "198.51.100.1",
            ),
            (
                &[
                    ("x-forwarded-for", "203.0.113.66"),
                    ("x-forwarded-for", "198.51.100.1"),
                ][..],
                "198.51.100.1",
            ),
            (&[("x-forwarded-for", "10.0.0.1, 10.0.0.2")][..], "10.0.0.1"),
            // What can't be read ends the list: nothing before it is believed.
            (
                &[("x-forwarded-for", "198.51.100.1, unknown, 10.9.9.9")][..],
                "10.9.9.9",
            ),
            (&[("x-forwarded-for", "nonsense")][..], "10.1.2.3"),
        ];
        for (headers, expected) in cases {
            assert_eq!(client("10.1.2.3", headers).0, expected, "{headers:?}");
        }
    }

    #[test]
    fn the_last_protocol_counts() {
        assert!(!client("10.1.2.3", &[("x-forwarded-proto", "https, http")]).1);
        assert!(
            client(
                "10.1.2.3",
                &[
                    ("x-forwarded-proto", "http"),
                    ("x-forwarded-proto", "HTTPS")
                ]
            )
            .1
        );
    }

    #[test]
    fn a_range_is_an_address_and_at_most_all_of_its_bits() {
        for good in [
            "10.0.0.0/8",
            "0.0.0.0/0",
            "192.0.2.7",
            "fd00::/8",
            "::1/128",
        ] {
            assert!(good.parse::<NetworkRange>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "all",
        ] {
            assert!(
                bad.parse::<NetworkRange>()
                    .unwrap_err()
                    .contains("10.0.0.0/8"),
                "{bad}"
            );
        }
        let everything: NetworkRange = "0.0.0.0/0".parse().unwrap();
        assert!(everything.contains("203.0.113.1".parse().unwrap()));
    }
}
