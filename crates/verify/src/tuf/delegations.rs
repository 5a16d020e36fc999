use std::collections::HashSet;

use serde_json::{Map, Value};
use signhere_pki::digest::sha256;

use super::object::Object;
use super::{Authority, Keys, RoleKeys, TopRole, TufError};
use crate::excerpt::excerpt;
use crate::proto_json::JsonError;

/// The most roles that one document delegates to by name.
const MAX_ROLES: usize = 1 << 14;
/// The most patterns of one role.
const MAX_PATTERNS: usize = 1 << 15;
/// The most bits of a hash that choose among succinct roles.
const MAX_BITS: u64 = 32;

/// Whom targets metadata trusts with some of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegations {
    /// The keys of the roles.
    pub keys: Keys,
    /// The roles in order of preference; empty with `succinct`.
    pub roles: Vec<DelegatedRole>,
    /// Roles that divide all files among them by hash.
    pub succinct: Option<SuccinctRoles>,
}

/// A role trusted with some files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegatedRole {
    /// The role's name.
    pub name: String,
    /// Who signs for it.
    pub role_keys: RoleKeys,
    /// Whether no later role is asked for a file that this one is trusted with.
    pub terminating: bool,
    /// The files it is trusted with.
    pub paths: Paths,
}

/// The files that a role is trusted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paths {
    /// Those whose path matches a pattern; `*` and `?` stay within one segment.
    Patterns(Vec<String>),
    /// Those the SHA-256 of whose path begins with one of these, in hexadecimal.
    HashPrefixes(Vec<String>),
}

/// Roles that divide all files among them by the first bits of the SHA-256 of their path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuccinctRoles {
    /// Who signs for each of them.
    pub role_keys: RoleKeys,
    /// How many bits, 1 to 32: there are two to the power of these roles.
    pub bit_length: u32,
    /// What their names begin with.
    pub name_prefix: String,
}

impl Delegations {
    /// The roles trusted with a file, in order, up to and including the first that ends the search.
    pub fn roles_for(&self, path: &str) -> Vec<String> {
        if let Some(succinct) = &self.succinct {
            return vec![succinct.role_for(path)];
        }
        let mut names = Vec::new();
        for role in self.roles.iter().filter(|role| role.paths.contain(path)) {
            names.push(role.name.clone());
            if role.terminating {
                break;
            }
        }
        names
    }

    /// Whether nobody is asked after a role for the files that it is trusted with: if it says so, or if it is one of
    /// those that divide all files among them.
    pub fn is_terminating(&self, role: &str) -> bool {
        let mut roles = self.roles.iter();
        let named = roles.find(|known| known.name == role);
        self.succinct.is_some() || named.is_some_and(|named| named.terminating)
    }

    /// Who may sign a role's document; none for a role that is not delegated to.
    pub fn authority<'a>(&'a self, role: &'a str) -> Option<Authority<'a>> {
        let role_keys = match &self.succinct {
            Some(succinct) => succinct.has(role).then_some(&succinct.role_keys),
            None => {
                let found = self.roles.iter().find(|known| known.name == role);
                found.map(|found| &found.role_keys)
            }
        };
        Some(Authority {
            role,
            keys: &self.keys,
            role_keys: role_keys?,
        })
    }

    pub(super) fn read(object: &Object<'_>) -> Result<Self, TufError> {
        let succinct = object.optional_object("succinct_roles")?;
        let succinct = succinct.map(|s| SuccinctRoles::read(&s)).transpose()?;
        let roles = match (object.optional("roles"), &succinct) {
            (Some(_), Some(_)) => {
                return Err(JsonError::OneOf {
                    first: object.path("roles"),
                    second: object.path("succinct_roles"),
                }
                .into());
            }
            (None, Some(_)) => Vec::new(),
            _ => object.object_list("roles", MAX_ROLES)?,
        };
        let roles: Vec<DelegatedRole> = roles
            .iter()
            .map(DelegatedRole::read)
            .collect::<Result<_, _>>()?;
        let mut names: HashSet<&str> = TopRole::ALL.into_iter().map(TopRole::name).collect();
        for role in &roles {
            if !names.insert(&role.name) {
                return Err(TufError::DuplicateRole {
                    name: excerpt(&role.name),
                });
            }
        }
        Ok(Self {
            keys: Keys::read(&object.object("keys")?)?,
            roles,
            succinct,
        })
    }

    pub(super) fn to_value(&self) -> Value {
        let mut members = Map::new();
        members.insert("keys".to_owned(), self.keys.to_value());
        match &self.succinct {
            Some(succinct) => members.insert("succinct_roles".to_owned(), succinct.to_value()),
            None => {
                let roles = self.roles.iter().map(DelegatedRole::to_value).collect();
                members.insert("roles".to_owned(), Value::Array(roles))
            }
        };
        Value::Object(members)
    }
}

impl DelegatedRole {
    fn read(object: &Object<'_>) -> Result<Self, TufError> {
        let name = object.string("name")?;
        if name.is_empty() {
            return Err(object.invalid("name", "a role's name").into());
        }
        let strings = |name| -> Result<Vec<String>, JsonError> {
            let strings = object.string_list(name, MAX_PATTERNS)?;
            Ok(strings.into_iter().map(str::to_owned).collect())
        };
        let has = |name| object.optional(name).is_some();
        let paths = match (has("paths"), has("path_hash_prefixes")) {
            (true, true) => {
                return Err(JsonError::OneOf {
                    first: object.path("paths"),
                    second: object.path("path_hash_prefixes"),
                }
                .into());
            }
            (false, true) => Paths::HashPrefixes(strings("path_hash_prefixes")?),
            _ => Paths::Patterns(strings("paths")?),
        };
        Ok(Self {
            name: name.to_owned(),
            role_keys: RoleKeys::read(object)?,
            terminating: object.boolean("terminating")?.unwrap_or(false),
            paths,
        })
    }

    fn to_value(&self) -> Value {
        let mut members = role_keys_members(&self.role_keys);
        members.insert("name".to_owned(), self.name.as_str().into());
        members.insert("terminating".to_owned(), self.terminating.into());
        match &self.paths {
            Paths::Patterns(patterns) => {
                members.insert("paths".to_owned(), patterns.as_slice().into())
            }
            Paths::HashPrefixes(prefixes) => {
                members.insert("path_hash_prefixes".to_owned(), prefixes.as_slice().into())
            }
        };
        Value::Object(members)
    }
}

impl Paths {
    /// Whether a file is among them.
    pub fn contain(&self, path: &str) -> bool {
        match self {
            Self::Patterns(patterns) => patterns.iter().any(|pattern| matches(pattern, path)),
            Self::HashPrefixes(prefixes) => {
                let hash = hex::encode(sha256(path.as_bytes()));
                prefixes
                    .iter()
                    .any(|prefix| hash.starts_with(prefix.as_str()))
            }
        }
    }
}

impl SuccinctRoles {
    /// The name of the one role that is trusted with a file.
    pub fn role_for(&self, path: &str) -> String {
        let [a, b, c, d, ..] = sha256(path.as_bytes());
        let first = u64::from(u32::from_be_bytes([a, b, c, d]));
        let bin = first >> 32u32.saturating_sub(self.bit_length);
        format!("{}-{bin:0width$x}", self.name_prefix, width = self.width())
    }

    fn has(&self, role: &str) -> bool {
        let Some(bin) = role
            .strip_prefix(self.name_prefix.as_str())
            .and_then(|rest| rest.strip_prefix('-'))
        else {
            return false;
        };
        let is_lower_hex = bin
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        bin.len() == self.width()
            && is_lower_hex
            && u64::from_str_radix(bin, 16).is_ok_and(|bin| bin >> self.bit_length == 0)
    }

    /// The digits of the last role's number.
    fn width(&self) -> usize {
        usize::try_from(self.bit_length.div_ceil(4)).unwrap_or(1)
    }

    fn read(object: &Object<'_>) -> Result<Self, TufError> {
        let bits = object.count("bit_length")?;
        let bit_length = u32::try_from(bits)
            .ok()
            .filter(|_| (1..=MAX_BITS).contains(&bits))
            .ok_or_else(|| object.invalid("bit_length", "an integer from 1 to 32"))?;
        Ok(Self {
            role_keys: RoleKeys::read(object)?,
            bit_length,
            name_prefix: object.string("name_prefix")?.to_owned(),
        })
    }

    fn to_value(&self) -> Value {
        let mut members = role_keys_members(&self.role_keys);
        members.insert("bit_length".to_owned(), self.bit_length.into());
        members.insert("name_prefix".to_owned(), self.name_prefix.as_str().into());
        Value::Object(members)
    }
}

fn role_keys_members(role_keys: &RoleKeys) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("keyids".to_owned(), role_keys.key_id_texts().into());
    members.insert("threshold".to_owned(), role_keys.threshold().into());
    members
}

/// Whether a path matches a pattern, segment by segment.
fn matches(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        let Some(segment) = segments.next() else {
            return false;
        };
        if !segment_matches(wanted, segment) {
            return false;
        }
    }
    segments.next().is_none()
}

/// Whether a segment matches: of several `*`, only the last one seen is ever tried again, which is linear
/// for each of them.
fn segment_matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut last_star = None;
    loop {
        let here = (pattern.clone(), text.clone());
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                text = here.1.clone();
                last_star = Some((pattern.clone(), here.1));
                continue;
            }
            (Some('?'), Some(_)) => continue,
            (Some(wanted), Some(found)) if wanted == found => continue,
            _ => {}
        }
        // One character more for the star.
        let Some((after_star, mut from)) = last_star.take() else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        pattern = after_star.clone();
        text = from.clone();
        last_star = Some((after_star, from));
    }
}
