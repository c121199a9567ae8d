//! Kinds of addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Reason why no vehicle cloud can be at an address (the special-purpose registries of IANA, RFC 6890).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    /// Of a private network: RFC 1918, and unique local addresses of IPv6 (RFC 4193).
    Private,
    /// This machine.
    Loopback,
    /// Of one link (RFC 3927, RFC 4291). Machines in data centres find their own credentials there.
    LinkLocal,
    /// Between a provider and its customers (RFC 6598), and in overlay networks.
    Shared,
    /// "This network", which many systems take for this machine.
    Unspecified,
    /// Several machines at once, or all.
    Multicast,
    /// For examples and measurements only.
    Documentation,
    /// Not assigned yet, or not any longer.
    Reserved,
}

impl Special {
    /// Whether a machine that its owner means may be there.
    pub(super) fn may_be_meant(self) -> bool {
        matches!(self, Self::Private | Self::Loopback | Self::LinkLocal | Self::Shared)
    }
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "a private address",
            Self::Loopback => "an address of this machine",
            Self::LinkLocal => "a link-local address",
            Self::Shared => "an address of a provider's own network",
            Self::Unspecified => "no address of a machine",
            Self::Multicast => "an address of several machines",
            Self::Documentation => "an address for examples",
            Self::Reserved => "a reserved address",
        })
    }
}

/// Returns what is special about an address; none for one that is reachable on the internet. An IPv4 address
/// inside an IPv6 one is judged as itself, because that is where the packets go.
pub(super) fn special(address: IpAddr) -> Option<Special> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<Special> {
    Some(match address.octets() {
        [0, ..] => Special::Unspecified,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Special::Private,
        [100, 64..=127, ..] => Special::Shared,
        [127, ..] => Special::Loopback,
        [169, 254, ..] => Special::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [198, 18..=19, ..] => Special::Documentation,
        // Protocol assignments (RFC 6890), and the relays of 6to4 (RFC 7526).
        [192, 0, 0, _] | [192, 88, 99, _] => Special::Reserved,
        [224..=239, ..] | [255, 255, 255, 255] => Special::Multicast,
        [240..=255, ..] => Special::Reserved,
        _ => return None,
    })
}

fn special_v6(address: Ipv6Addr) -> Option<Special> {
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        special_v4(Ipv4Addr::new(a, b, c, d))
    };
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Special::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Special::Loopback,
        // IPv4-mapped (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            return inner(high, low);
        }
        [0x2002, high, low, ..] => return inner(high, low),
        // NAT64 of a local network (RFC 8215).
        [0x64, 0xff9b, 1, ..] => Special::Private,
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Special::Private,
        [0xfe80..=0xfebf, ..] => Special::LinkLocal,
        [0xff00..=0xffff, ..] => Special::Multicast,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Special::Documentation,
        // Protocol assignments, Teredo among them (RFC 2928, RFC 4380).
        [0x2001, 0..=0x1ff, ..] => Special::Reserved,
        // All that is given out on the internet.
        [0x2000..=0x3fff, ..] => return None,
        _ => Special::Reserved,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_special_range_is_known_by_its_first_and_last_address() {
        use Special::{
            Documentation, LinkLocal, Loopback, Multicast, Private, Reserved, Shared, Unspecified,
        };
        let table = [
            ("0.0.0.0", "0.255.255.255", Unspecified),
            ("10.0.0.0", "10.255.255.255", Private),
            ("100.64.0.0", "100.127.255.255", Shared),
            ("127.0.0.0", "127.255.255.255", Loopback),
            ("169.254.0.0", "169.254.255.255", LinkLocal),
            ("172.16.0.0", "172.31.255.255", Private),
            ("192.0.0.0", "192.0.0.255", Reserved),
            ("192.0.2.0", "192.0.2.255", Documentation),
            ("192.88.99.0", "192.88.99.255", Reserved),
            ("192.168.0.0", "192.168.255.255", Private),
            ("198.18.0.0", "198.19.255.255", Documentation),
            ("198.51.100.0", "198.51.100.255", Documentation),
            ("203.0.113.0", "203.0.113.255", Documentation),
            ("224.0.0.0", "239.255.255.255", Multicast),
            ("240.0.0.0", "255.255.255.254", Reserved),
            ("255.255.255.255", "255.255.255.255", Multicast),
            ("::", "::", Unspecified),
            ("::1", "::1", Loopback),
            ("::2", "::fffe:ffff:ffff", Reserved),
            ("::ffff:0:0:0", "::ffff:0:ffff:ffff", Reserved),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Private),
            ("100::", "100::ffff:ffff:ffff:ffff", Reserved),
            ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Reserved),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Documentation),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Documentation),
            ("4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reserved),
            ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Private),
            ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", LinkLocal),
            ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Private),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Multicast),
        ];
        for (first, last, kind) in table {
            for address in [first, last] {
                assert_eq!(special(address.parse().unwrap()), Some(kind), "{address}");
            }
        }
    }

    #[test]
    fn the_neighbours_of_special_ranges_are_on_the_internet() {
        let table = [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2000::",
            "2001:200::",
            "2001:db7:ffff::",
            "2001:db9::",
            "2003::1",
            "2a00:1450:4001:81b::200e",
            "3ffe:ffff::",
        ];
        for address in table {
            assert_eq!(special(address.parse().unwrap()), None, "{address}");
        }
    }

    proptest! {
        #[test]
        fn an_address_inside_another_is_what_it_is_by_itself(bits: u32, rest: u128) {
            let inner = Ipv4Addr::from(bits);
            let wide = u128::from(bits);
            let embedded = [
                0xffff_u128 << 32 | wide,
                0x64_ff9b_u128 << 96 | wide,
                0x2002_u128 << 112 | wide << 80 | rest & ((1 << 80) - 1),
            ];
            for outer in embedded.map(Ipv6Addr::from) {
                prop_assert_eq!(special(outer.into()), special(inner.into()), "{} in {}", inner, outer);
            }
        }
    }
}
