/// Who an object says has written it. Nothing of this is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name; may be empty, and may hold control characters.
    pub name: String,
    /// The e-mail address, or what stands in its place.
    pub email: String,
    /// Seconds since 1970.
    pub time: i64,
}

impl Person {
    /// Reads `NAME <EMAIL> SECONDS ZONE`. Bytes that are not UTF-8 are replaced.
    ///
    /// `None` where readers could differ: angle brackets elsewhere, or anything after the zone.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let line = String::from_utf8_lossy(line);
        let (name, rest) = line.split_once('<')?;
        let (email, rest) = rest.split_once('>')?;
        if name.contains('>') || email.contains('<') {
            return None;
        }
        let (time, zone) = rest.strip_prefix(' ')?.split_once(' ')?;
        let digits = zone.strip_prefix(['+', '-'])?;
        let is_zone = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        let is_time = time
            .strip_prefix('-')
            .unwrap_or(time)
            .bytes()
            .all(|b| b.is_ascii_digit());
        if !is_zone || !is_time {
            return None;
        }
        Some(Self {
            name: name.trim_end_matches(' ').to_owned(),
            email: email.to_owned(),
            time: time.parse().ok()?,
        })
    }
}
