//! Values of a TOML table, each read once and with its place.

use std::net::{IpAddr, SocketAddr};
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use signhere_pki::time::Time;
use signhere_verify::toml::TomlProblem;
use toml_edit::{Item, TableLike};
use url::Url;

use super::error::{ConfigError, ConfigProblem};
use crate::state::files;

/// Bytes of a file that the configuration names.
const FILE_LIMIT: u64 = 1024 * 1024;

/// The text of a configuration file and where it came from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

/// A table of which each key is asked for; what nobody has asked for is unknown.
pub(super) struct Section<'a> {
    source: Source<'a>,
    name: String,
    table: Option<&'a dyn TableLike>,
    span: Range<usize>,
    known: Vec<&'static str>,
}

/// The value of a key.
#[derive(Clone)]
pub(super) struct Field<'a> {
    source: Source<'a>,
    key: &'static str,
    item: &'a Item,
    span: Range<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn error(self, span: Range<usize>, problem: ConfigProblem) -> ConfigError {
        ConfigError::at(self.path, self.text, span, problem)
    }
}

impl<'a> Section<'a> {
    /// The top of the file.
    pub(super) fn top(source: Source<'a>, table: &'a dyn TableLike) -> Self {
        Self {
            source,
            name: "the top of the file".to_owned(),
            table: Some(table),
            span: 0..0,
            known: Vec::new(),
        }
    }

    /// The table `[key]`, which may be absent: then nothing is in it.
    pub(super) fn section(&mut self, key: &'static str) -> Result<Self, ConfigError> {
        let Some(field) = self.take(key) else {
            return Ok(Self {
                source: self.source,
                name: format!("[{key}]"),
                table: None,
                span: 0..0,
                known: Vec::new(),
            });
        };
        field.section(format!("[{key}]"))
    }

    /// The table in `key`, or `None`.
    pub(super) fn part(&mut self, key: &'static str) -> Result<Option<Self>, ConfigError> {
        let Some(field) = self.take(key) else {
            return Ok(None);
        };
        let name = format!("{} {key}", self.name);
        field.section(name).map(Some)
    }

    /// The value of `key`, or `None`.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.known.push(key);
        let (name, item) = self.table?.get_key_value(key)?;
        let span = item.span().or_else(|| name.span());
        Some(Field {
            source: self.source,
            key,
            item,
            span: span.unwrap_or_default(),
        })
    }

    /// The value of `key`, which has to be there.
    pub(super) fn need(
        &mut self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<Field<'a>, ConfigError> {
        self.take(key).ok_or_else(|| {
            self.error(ConfigProblem::Toml(TomlProblem::Missing {
                key,
                section: self.name.clone(),
                expected,
            }))
        })
    }

    /// Refuses every key that nobody has asked for.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        let Some(table) = self.table else {
            return Ok(());
        };
        let unknown = table.iter().find(|(key, _)| !self.known.contains(key));
        let Some((key, item)) = unknown else {
            return Ok(());
        };
        let span = table.key(key).and_then(toml_edit::Key::span);
        let problem = TomlProblem::UnknownKey {
            key: key.to_owned(),
            section: self.name,
            known: self.known,
        };
        let span = span.or_else(|| item.span()).unwrap_or_default();
        Err(self.source.error(span, ConfigProblem::Toml(problem)))
    }

    /// Whether nothing is said in the table.
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_none_or(TableLike::is_empty)
    }

    /// An error about the table as a whole.
    pub(super) fn error(&self, problem: ConfigProblem) -> ConfigError {
        self.source.error(self.span.clone(), problem)
    }
}

impl<'a> Field<'a> {
    pub(super) fn bool(&self) -> Result<bool, ConfigError> {
        self.item
            .as_bool()
            .ok_or_else(|| self.wrong_type("true or false"))
    }

    pub(super) fn text(&self, expected: &'static str) -> Result<&'a str, ConfigError> {
        self.item.as_str().ok_or_else(|| self.wrong_type(expected))
    }

    /// One of a few words.
    pub(super) fn one_of<T: Copy>(
        &self,
        words: &[(&str, T)],
        expected: &'static str,
    ) -> Result<T, ConfigError> {
        let text = self.text(expected)?;
        let word = words.iter().find(|(word, _)| *word == text);
        word.map(|(_, value)| *value)
            .ok_or_else(|| self.invalid(expected))
    }

    pub(super) fn number(
        &self,
        range: RangeInclusive<usize>,
        expected: &'static str,
    ) -> Result<usize, ConfigError> {
        let number = self.item.as_integer();
        let number = number.ok_or_else(|| self.wrong_type(expected))?;
        let number = usize::try_from(number).ok();
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| self.invalid(expected))
    }

    /// A time span: a whole number and its unit.
    pub(super) fn duration(
        &self,
        range: RangeInclusive<Duration>,
        expected: &'static str,
    ) -> Result<Duration, ConfigError> {
        parse_duration(self.text(expected)?)
            .filter(|duration| range.contains(duration))
            .ok_or_else(|| self.invalid(expected))
    }

    pub(super) fn address(&self) -> Result<SocketAddr, ConfigError> {
        const EXPECTED: &str = "an IP address and a port, such as \"127.0.0.1:3003\"";
        self.text(EXPECTED)?
            .parse()
            .map_err(|_| self.invalid(EXPECTED))
    }

    /// An absolute `https://` or `http://` URL that `accept` takes.
    pub(super) fn url(
        &self,
        expected: &'static str,
        accept: impl Fn(&Url) -> bool,
    ) -> Result<Url, ConfigError> {
        let url = Url::parse(self.text(expected)?).map_err(|_| self.invalid(expected))?;
        let is_plain = ["http", "https"].contains(&url.scheme())
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        match is_plain && accept(&url) {
            true => Ok(url),
            false => Err(self.invalid(expected)),
        }
    }

    /// Networks, or single addresses, in an array.
    pub(super) fn networks(&self) -> Result<Vec<IpNet>, ConfigError> {
        const EXPECTED: &str =
            "an array of networks and addresses, such as [\"10.0.0.0/8\", \"::1\"]";
        let array = self.item.as_array();
        let array = array.ok_or_else(|| self.wrong_type(EXPECTED))?;
        let network = |text: &str| {
            let address = || text.parse::<IpAddr>().map(IpNet::from).ok();
            text.parse().ok().or_else(address)
        };
        let networks = array.iter().map(|item| network(item.as_str()?));
        networks
            .collect::<Option<_>>()
            .ok_or_else(|| self.invalid(EXPECTED))
    }

    pub(super) fn time(&self) -> Result<Time, ConfigError> {
        const EXPECTED: &str = "a time such as \"2026-01-01T00:00:00Z\"";
        // TOML has times of its own; both forms are understood.
        let native = self.item.as_datetime().map(ToString::to_string);
        let text = match &native {
            Some(native) => native,
            None => self.text(EXPECTED)?,
        };
        Time::parse_rfc3339(text).map_err(|_| self.invalid(EXPECTED))
    }

    /// A path; what is relative starts in the folder of the configuration file.
    pub(super) fn path(&self, expected: &'static str) -> Result<PathBuf, ConfigError> {
        let text = self.text(expected)?;
        if text.is_empty() {
            return Err(self.invalid(expected));
        }
        let folder = self.source.path.parent().unwrap_or_else(|| Path::new(""));
        Ok(folder.join(text))
    }

    /// A path that does not lead into the folder of the configuration file, and so not into its copies.
    pub(super) fn path_elsewhere(&self, expected: &'static str) -> Result<PathBuf, ConfigError> {
        let path = self.path(expected)?;
        let folder = self.source.path.parent().unwrap_or_else(|| Path::new(""));
        match std::path::absolute(folder) {
            Ok(folder) if path.is_absolute() && !path.starts_with(&folder) => Ok(path),
            _ => Err(self.invalid(expected)),
        }
    }

    /// The path of a file that can be read now.
    pub(super) fn file(&self, expected: &'static str) -> Result<PathBuf, ConfigError> {
        let path = self.path(expected)?;
        self.read(&path, expected)?;
        Ok(path)
    }

    /// What `parse` makes of the file that is named here.
    pub(super) fn content<T>(
        &self,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        let path = self.path(expected)?;
        let bytes = self.read(&path, expected)?;
        let text = std::str::from_utf8(&bytes).map_err(|e| e.to_string());
        text.and_then(parse)
            .map_err(|found| self.bad_file(&path, expected, found))
    }

    /// An error about this value.
    pub(super) fn error(&self, problem: ConfigProblem) -> ConfigError {
        self.source.error(self.span.clone(), problem)
    }

    pub(super) fn invalid(&self, expected: &'static str) -> ConfigError {
        let found = self.source.text.get(self.span.clone());
        self.error(ConfigProblem::Toml(TomlProblem::Invalid {
            key: self.key.to_owned(),
            expected,
            found: found.unwrap_or_default().to_owned(),
        }))
    }

    fn read(&self, path: &Path, expected: &'static str) -> Result<Vec<u8>, ConfigError> {
        match files::read_bounded(path, FILE_LIMIT) {
            Ok(Some(bytes)) => Ok(bytes.to_vec()),
            Ok(None) => Err(self.bad_file(path, expected, "no such file".to_owned())),
            Err(error) => Err(self.bad_file(path, expected, error.to_string())),
        }
    }

    fn bad_file(&self, path: &Path, expected: &'static str, found: String) -> ConfigError {
        self.error(ConfigProblem::File {
            path: path.to_path_buf(),
            expected,
            found,
        })
    }

    fn section(self, name: String) -> Result<Section<'a>, ConfigError> {
        let table = self.item.as_table_like();
        let table = table.ok_or_else(|| self.wrong_type("a table"))?;
        Ok(Section {
            source: self.source,
            name,
            table: Some(table),
            span: self.span,
            known: Vec::new(),
        })
    }

    fn wrong_type(&self, expected: &'static str) -> ConfigError {
        self.error(ConfigProblem::Toml(TomlProblem::WrongType {
            key: self.key.to_owned(),
            expected,
            found: self.item.type_name(),
        }))
    }
}

/// `500ms`, `20s`, `5m`, `12h`, `7d`, up to ten years.
fn parse_duration(text: &str) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let number: u64 = number.parse().ok()?;
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let duration = Duration::from_millis(number.checked_mul(milliseconds)?);
    (duration <= LONGEST).then_some(duration)
}
