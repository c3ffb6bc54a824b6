//! The values of flags that are addresses, counts and sizes. Each error shows the expected form; clap names the value.

use std::net::{Ipv4Addr, SocketAddr};

use crate::server::Address;

/// The longest path of a Unix socket, in bytes: that of `sun_path` in `man 7 unix` without its NUL.
const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
/// The largest size in MiB: 1 TiB.
const MAX_MEBIBYTES: u64 = 1 << 20;

/// Parses where to listen: an address as [`parse_address`] does, or `unix:` and the path of a socket.
///
/// # Errors
///
/// Fails with the expected form.
pub fn parse_listen(text: &str) -> Result<Address, String> {
    match text.strip_prefix("unix:") {
        Some("") => {
            Err("expected a path after `unix:`, such as `unix:/run/cf-packages.sock`".into())
        }
        Some(path) if path.len() > MAX_SOCKET_PATH => Err(format!(
            "the path of a socket has at most {MAX_SOCKET_PATH} bytes here, and this one has {}; a shorter one may be relative to the current folder",
            path.len()
        )),
        Some(path) => Ok(Address::Unix(path.into())),
        None => parse_address(text).map(Address::Tcp).map_err(|expected| {
            format!("{expected}, or a socket, such as `unix:/run/cf-packages.sock`")
        }),
    }
}

/// Parses an address to listen on: an IP address and a port. `8080`, `:8080` and `localhost:8080` are 127.0.0.1:8080.
///
/// # Errors
///
/// Fails with the expected form.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost").unwrap_or(text);
    let port = match port.strip_prefix(':') {
        Some(port) => port,
        None if port.len() == text.len() => port,
        None => "",
    };
    if let Some(port) = whole_number(port).and_then(|port| u16::try_from(port).ok()) {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| {
        "expected an IP address and a port from 0 to 65535, such as `127.0.0.1:8080`, or a port of 127.0.0.1, such as `8080` or `localhost:8080`".into()
    })
}

/// Parses a count: a whole number, such as `1000000`, `1_000_000` or `1e6`.
///
/// # Errors
///
/// Fails with the expected form.
pub fn parse_count(text: &str) -> Result<u64, String> {
    let count = match text.split_once(['e', 'E']) {
        None => grouped_number(text),
        Some((number, exponent)) => whole_number(exponent)
            .and_then(|exponent| u32::try_from(exponent).ok())
            .and_then(|exponent| 10_u64.checked_pow(exponent))
            .and_then(|power| whole_number(number)?.checked_mul(power)),
    };
    count.ok_or_else(|| {
        "expected a whole number of 64 bits, such as `1000000`, `1_000_000` or `1e6`".into()
    })
}

/// Parses a size in MiB: `512`, `512M` and `512MiB` are the same, and `1G` and `1GiB` are 1024.
///
/// # Errors
///
/// Fails with the expected form if the text is not such a size, or if it is more than 1 TiB.
pub fn parse_mebibytes(text: &str) -> Result<u32, String> {
    let unit_at = text
        .find(|character: char| character.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let mebibytes = match unit.to_ascii_lowercase().as_str() {
        "" | "m" | "mib" => 1,
        "g" | "gib" => 1024,
        _ => 0,
    };
    grouped_number(number)
        .filter(|_| mebibytes > 0)
        .and_then(|number| number.checked_mul(mebibytes))
        .filter(|size| *size <= MAX_MEBIBYTES)
        .and_then(|size| u32::try_from(size).ok())
        .ok_or_else(|| {
            "expected MiB from 0 to 1048576, such as `64`, or a size such as `512M` or `1G`".into()
        })
}

/// Parses digits, between which there may be single `_`.
fn grouped_number(text: &str) -> Option<u64> {
    let right = !text.starts_with('_') && !text.ends_with('_') && !text.contains("__");
    whole_number(&text.replace('_', "")).filter(|_| right)
}

/// Parses digits alone: no sign, no space.
fn whole_number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_alone_is_a_port_of_loopback() {
        for (text, expected) in [
            ("8080", "127.0.0.1:8080"),
            (":8080", "127.0.0.1:8080"),
            ("localhost:8080", "127.0.0.1:8080"),
            ("0", "127.0.0.1:0"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(parse_address(text), Ok(expected.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            ":",
            "localhost",
            "localhost8080",
            "localhost:",
            "127.0.0.1",
            "::1",
            "example.org:80",
            "65536",
            "+80",
            " 80",
            "http://127.0.0.1:80",
        ] {
            assert!(parse_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn socket_is_named_by_its_path() {
        let socket = Address::Unix("/run/x y.sock".into());
        assert_eq!(parse_listen("unix:/run/x y.sock"), Ok(socket));
        let tcp = Address::Tcp("127.0.0.1:8080".parse().unwrap());
        assert_eq!(parse_listen("localhost:8080"), Ok(tcp));
        for text in ["unix:", "unix", "/run/x.sock"] {
            assert!(
                parse_listen(text).unwrap_err().contains("unix:/run/"),
                "{text}"
            );
        }
        let longest = "x".repeat(MAX_SOCKET_PATH);
        assert!(parse_listen(&format!("unix:{longest}")).is_ok());
        let error = parse_listen(&format!("unix:{longest}x")).unwrap_err();
        assert!(
            error.contains(&format!("at most {MAX_SOCKET_PATH} bytes")),
            "{error}"
        );
    }

    #[test]
    fn count_may_have_groups_or_an_exponent() {
        for (text, expected) in [
            ("0", 0),
            ("1000", 1000),
            ("1_000_000", 1_000_000),
            ("1e6", 1_000_000),
            ("25E3", 25_000),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_count(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "-1",
            "+1",
            "_1",
            "1_",
            "1__0",
            "1.5",
            "1,000",
            "1e",
            "e6",
            "1e6e",
            "1e20",
            "1e-3",
            "10k",
            "18446744073709551616",
        ] {
            assert!(parse_count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn size_is_in_mebibytes_unless_it_has_a_unit() {
        for (text, expected) in [
            ("0", 0),
            ("64", 64),
            ("1_024", 1024),
            ("512M", 512),
            ("512MiB", 512),
            ("1G", 1024),
            ("2gib", 2048),
            ("1048576", 1_048_576),
        ] {
            assert_eq!(parse_mebibytes(text), Ok(expected), "{text}");
        }
        for text in [
            "", "G", "-1", "1.5G", "1 G", "1K", "1MB", "1T", "1048577", "1025G", "0x",
        ] {
            assert!(parse_mebibytes(text).is_err(), "{text}");
        }
    }
}
