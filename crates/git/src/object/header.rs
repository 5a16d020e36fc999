use std::ops::Range;

use super::{MAX_HEADERS, ObjectError, ObjectFormat, ObjectId, ObjectKind, Person};

/// The longest header name that is read, in bytes.
const MAX_NAME_LEN: usize = 64;

/// A header: a line, and those that continue it.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) name: String,
    /// The value with its line feeds and the spaces that fold it, and without the last line feed.
    value: Range<usize>,
    /// All of its lines.
    lines: Range<usize>,
}

/// Reads the headers of an object, and where its message begins.
pub(super) fn read(bytes: &[u8]) -> Result<(Vec<Header>, usize), ObjectError> {
    let mut headers: Vec<Header> = Vec::new();
    let mut start = 0;
    loop {
        let rest = bytes.get(start..).unwrap_or_default();
        if rest.is_empty() {
            return Ok((headers, start)); // an object may end with its headers
        }
        let length = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or(ObjectError::Unended { at: start })?;
        let line = rest.get(..length).unwrap_or_default();
        let next = start.saturating_add(length).saturating_add(1);
        if line.is_empty() {
            return Ok((headers, next));
        }
        if line.contains(&0) {
            return Err(ObjectError::Line { at: start });
        }
        if line.starts_with(b" ") {
            let last = headers.last_mut().ok_or(ObjectError::Line { at: start })?;
            last.value.end = next.saturating_sub(1);
            last.lines.end = next;
        } else {
            if headers.len() == MAX_HEADERS {
                return Err(ObjectError::TooManyHeaders);
            }
            let name = name_of(line).ok_or(ObjectError::Line { at: start })?;
            let value = start.saturating_add(name.len()).saturating_add(1);
            headers.push(Header {
                name,
                value: value..next.saturating_sub(1),
                lines: start..next,
            });
        }
        start = next;
    }
}
/// The name in front of a header's first space.
fn name_of(line: &[u8]) -> Option<String> {
    let end = line.iter().position(|byte| *byte == b' ')?;
    let name = std::str::from_utf8(line.get(..end)?).ok()?;
    let is_name = (1..=MAX_NAME_LEN).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_graphic())
        && !name.starts_with('-');
    // git takes every header that begins so for a signature, and only two of them are known.
    let is_strange =
        name.starts_with("gpgsig") && ObjectFormat::of_signature_header(name).is_none();
    (is_name && !is_strange).then(|| name.to_owned())
}

impl Header {
    /// The value on one line.
    fn line<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], ObjectError> {
        let value = bytes.get(self.value.clone()).unwrap_or_default();
        match value.contains(&b'\n') {
            true => Err(self.malformed()),
            false => Ok(value),
        }
    }

    pub(super) fn id(&self, bytes: &[u8]) -> Result<ObjectId, ObjectError> {
        let value = self.text(bytes)?;
        value.parse().map_err(|_| self.malformed())
    }

    pub(super) fn kind(&self, bytes: &[u8]) -> Result<ObjectKind, ObjectError> {
        let value = self.text(bytes)?;
        ObjectKind::from_name(&value).ok_or_else(|| self.malformed())
    }

    pub(super) fn person(&self, bytes: &[u8]) -> Result<Person, ObjectError> {
        Person::parse(self.line(bytes)?).ok_or_else(|| self.malformed())
    }

    /// The value as text, in which nothing may be but UTF-8.
    pub(super) fn text(&self, bytes: &[u8]) -> Result<String, ObjectError> {
        let value = std::str::from_utf8(self.line(bytes)?).map_err(|_| self.malformed())?;
        Ok(value.to_owned())
    }

    /// The value without the spaces that fold it, and with a line feed after every line.
    pub(super) fn unfolded(&self, bytes: &[u8]) -> Vec<u8> {
        let value = bytes.get(self.value.clone()).unwrap_or_default();
        let mut text = Vec::with_capacity(value.len().saturating_add(1));
        for (number, line) in value.split(|byte| *byte == b'\n').enumerate() {
            let line = match number {
                0 => line,
                _ => line.get(1..).unwrap_or_default(),
            };
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        text
    }

    pub(super) fn misplaced(&self) -> ObjectError {
        ObjectError::Misplaced {
            name: self.name.clone(),
        }
    }

    fn malformed(&self) -> ObjectError {
        ObjectError::Value {
            name: self.name.clone(),
        }
    }
}

/// Takes the first header, which must have this name.
pub(super) fn take<'a>(
    headers: &mut &'a [Header],
    name: &'static str,
) -> Result<&'a Header, ObjectError> {
    match *headers {
        [first, rest @ ..] if first.name == name => {
            *headers = rest;
            Ok(first)
        }
        _ => Err(ObjectError::Missing { name }),
    }
}

/// Refuses headers that have their own place and are elsewhere, or again.
pub(super) fn refuse(headers: &[Header], names: &[&str]) -> Result<(), ObjectError> {
    let mut headers = headers.iter();
    match headers.find(|header| names.contains(&header.name.as_str())) {
        Some(header) => Err(header.misplaced()),
        None => Ok(()),
    }
}

/// Refuses headers that may be there once.
pub(super) fn refuse_twice(headers: &[Header], names: &[&str]) -> Result<(), ObjectError> {
    for name in names {
        let mut found = headers.iter().filter(|header| header.name == *name);
        if let (Some(_), Some(second)) = (found.next(), found.next()) {
            return Err(second.misplaced());
        }
    }
    Ok(())
}

/// The parts of `all` that are outside of the signature headers.
pub(super) fn without_signatures(headers: &[Header], all: Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = all.start;
    for header in headers {
        if ObjectFormat::of_signature_header(&header.name).is_some() {
            parts.push(start..header.lines.start);
            start = header.lines.end;
        }
    }
    parts.push(start..all.end);
    parts
}

/// Tells what an object is by how it begins, and returns it without the header of a loose object.
pub(super) fn kind_of(bytes: &[u8]) -> Result<(ObjectKind, &[u8]), ObjectError> {
    if bytes.starts_with(b"tree ") {
        // A loose tree begins so too, but goes on with a length and a zero byte instead of an id.
        let line = bytes
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        return match line.contains(&0) {
            true => Err(ObjectError::Kind {
                found: ObjectKind::Tree,
            }),
            false => Ok((ObjectKind::Commit, bytes)),
        };
    }
    if bytes.starts_with(b"object ") {
        return Ok((ObjectKind::Tag, bytes));
    }
    let end = bytes.iter().take(32).position(|byte| *byte == 0);
    let (header, rest) = end
        .and_then(|end| bytes.split_at_checked(end))
        .ok_or(ObjectError::Unknown)?;
    let header = std::str::from_utf8(header).map_err(|_| ObjectError::Unknown)?;
    let (kind, length) = header.split_once(' ').ok_or(ObjectError::Unknown)?;
    let kind = ObjectKind::from_name(kind).ok_or(ObjectError::Unknown)?;
    let content = rest.get(1..).unwrap_or_default();
    if length != content.len().to_string() {
        return Err(ObjectError::Length {
            expected: length.chars().take(20).collect(),
            found: content.len(),
        });
    }
    Ok((kind, content))
}
