//! `--external-url`, for every verb whose answers hold hrefs.

use crate::edition::Site;

/// `http://host`, `https://host:port`: an origin, without a path.
pub(super) fn site(text: &str) -> Result<Site, String> {
    let wrong = || "expected scheme and host, as `https://api.example.org`".to_owned();
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or_else(wrong)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-_[]".contains(&byte);
    let end = host.strip_suffix('/').unwrap_or(host);
    if end.is_empty() || !end.bytes().all(plain) {
        return Err(wrong());
    }
    Ok(Site(text.strip_suffix('/').unwrap_or(text).to_owned()))
}
