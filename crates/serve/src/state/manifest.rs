//! `keys.json`: which keys an instance has, and in which spans of time.

use std::path::Path;

use serde::{Deserialize, Serialize};
use signhere_pki::key::KeyKind;
use signhere_pki::random::Random;
use signhere_pki::time::Time;

use super::files::{self, PUBLIC, write_durably};
use crate::error::ServeError;

/// The version of the state folder.
pub(crate) const VERSION: u64 = 2;

/// Seconds for which a key stays valid after its successor has begun: longer than a certificate lives, so
/// that what was signed with the last one still verifies.
pub(crate) const OVERLAP: i64 = 3600;

const FILE: &str = "keys.json";
const FILE_LIMIT: u64 = 1024 * 1024;

/// Which keys an instance has, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    version: u64,
    /// 16 hexadecimal digits that name the instance.
    pub(crate) id: String,
    /// When the instance was made.
    pub(crate) created: Time,
    /// organizationName in its certificates.
    pub(crate) organization: String,
    /// The public host name under which its logs' origins stand; without one they stand under
    /// `signhere.localhost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<String>,
    /// Who has ever been switched on, in the order of [`Role::ALL`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    served: Vec<Role>,
    ca: Vec<Shard>,
    ct: Vec<Shard>,
    log: Vec<Shard>,
    tsa: Vec<Shard>,
}

/// A key that a role signs with for a span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shard {
    /// `log-1`: names its files and, of a log, its folder.
    pub(crate) name: String,
    /// The name a log signs its checkpoints under. It never changes.
    pub(crate) origin: String,
    /// The first second in which it signs.
    pub(crate) start: Time,
    /// The last second in which what it signed is believed; `None` while it has no successor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<Time>,
}

/// Who signs with keys that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The certificate authority's intermediate.
    Ca,
    /// The certificate transparency log.
    Ct,
    /// The signature transparency log.
    Log,
    /// The timestamp authority.
    Tsa,
}

impl Manifest {
    /// The manifest of a new instance with the first shard of every role.
    pub(crate) fn new(
        organization: &str,
        host: Option<&str>,
        now: Time,
        random: &dyn Random,
    ) -> Result<Self, ServeError> {
        let mut id = [0; 8];
        random
            .fill(&mut id)
            .map_err(|e| ServeError::make("a name for the instance", &e))?;
        let mut manifest = Self {
            version: VERSION,
            id: hex::encode(id),
            created: now,
            organization: organization.to_owned(),
            host: host.map(str::to_owned),
            served: Vec::new(),
            ca: Vec::new(),
            ct: Vec::new(),
            log: Vec::new(),
            tsa: Vec::new(),
        };
        for role in Role::ALL {
            manifest.append(role, now)?;
        }
        Ok(manifest)
    }

    /// Reads the manifest in the folder `dir`.
    pub(crate) fn load(dir: &Path) -> Result<Self, ServeError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let path = dir.join(FILE);
        let damaged = || ServeError::Damaged {
            path: path.clone(),
            expected: "the list of an instance's keys",
        };
        let json = files::read_bounded(&path, FILE_LIMIT)?.ok_or_else(damaged)?;
        let Versioned { version } = serde_json::from_slice(&json).map_err(|_| damaged())?;
        if version != VERSION {
            return Err(ServeError::StateVersion {
                path,
                found: version,
                expected: VERSION,
            });
        }
        let manifest: Self = serde_json::from_slice(&json).map_err(|_| damaged())?;
        if !manifest.is_sound() {
            return Err(damaged());
        }
        Ok(manifest)
    }

    /// Writes the manifest to the folder `dir`: after a crash the old or the new one is there.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), ServeError> {
        let json =
            serde_json::to_vec_pretty(self).map_err(|e| ServeError::make("keys.json", &e))?;
        write_durably(&dir.join(FILE), &json, PUBLIC)
    }

    /// All shards of a role, in the order of their start.
    pub(crate) fn shards(&self, role: Role) -> &[Shard] {
        match role {
            Role::Ca => &self.ca,
            Role::Ct => &self.ct,
            Role::Log => &self.log,
            Role::Tsa => &self.tsa,
        }
    }

    /// The shard that signs at `now`: the latest that has begun.
    pub(crate) fn active(&self, role: Role, now: Time) -> Option<&Shard> {
        let mut latest_first = self.shards(role).iter().rev();
        latest_first.find(|shard| shard.start <= now)
    }

    /// Adds the next shard of `role`, which begins at `start`; the one before ends [`OVERLAP`] later.
    pub(crate) fn append(&mut self, role: Role, start: Time) -> Result<Shard, ServeError> {
        let number = self.shards(role).len().saturating_add(1);
        let name = role.shard_name(number);
        let origin = self.origin(&name);
        let shards = self.shards_mut(role);
        if let Some(before) = shards.last_mut() {
            if start <= before.start {
                return Err(ServeError::ShardTooEarly {
                    name,
                    start,
                    before: before.start,
                });
            }
            before.end = Some(start.plus_seconds(OVERLAP));
        }
        let shard = Shard {
            name,
            origin,
            start,
            end: None,
        };
        shards.push(shard.clone());
        Ok(shard)
    }

    /// Whether `role` has ever been switched on: then it may have signed what is verified for years to come.
    pub(crate) fn has_served(&self, role: Role) -> bool {
        self.served.contains(&role)
    }

    /// From now on `roles` count among those that have been switched on.
    pub(super) fn note_served(&mut self, roles: &[Role]) {
        let is_noted = |role: &Role| self.served.contains(role) || roles.contains(role);
        self.served = Role::ALL.into_iter().filter(is_noted).collect();
    }

    /// The name that the instance cosigns the logs of others under. It never changes.
    pub(crate) fn witness_name(&self) -> String {
        self.origin("witness")
    }

    fn origin(&self, name: &str) -> String {
        match &self.host {
            Some(host) => format!("{name}.{host}"),
            None => format!("{name}-{}.signhere.localhost", self.id),
        }
    }

    fn shards_mut(&mut self, role: Role) -> &mut Vec<Shard> {
        match role {
            Role::Ca => &mut self.ca,
            Role::Ct => &mut self.ct,
            Role::Log => &mut self.log,
            Role::Tsa => &mut self.tsa,
        }
    }

    /// Names become paths: nothing else than what [`Manifest::append`] writes is taken.
    fn is_sound(&self) -> bool {
        let is_id = self.id.len() == 16 && self.id.bytes().all(|b| b.is_ascii_hexdigit());
        is_id
            && Role::ALL.iter().all(|role| {
                let shards = self.shards(*role);
                let in_order = shards.windows(2).all(
                    |pair| matches!(pair, [a, b] if a.start < b.start && a.end >= Some(b.start)),
                );
                let named = shards
                    .iter()
                    .zip(1..)
                    .all(|(shard, number)| shard.name == role.shard_name(number));
                in_order && named && shards.last().is_some_and(|last| last.end.is_none())
            })
    }
}

impl Role {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Ca, Self::Ct, Self::Log, Self::Tsa];

    /// `ca`, `ct`, `log` or `tsa`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::Ct => "ct",
            Self::Log => "log",
            Self::Tsa => "tsa",
        }
    }

    /// The kind of its keys.
    pub(crate) fn key_kind(self) -> KeyKind {
        match self {
            Self::Ca => KeyKind::P384,
            Self::Ct | Self::Tsa => KeyKind::P256,
            Self::Log => KeyKind::Ed25519,
        }
    }

    fn shard_name(self, number: usize) -> String {
        format!("{}-{number}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use signhere_testkit::random::SeededRandom;

    use super::*;

    const NOW: Time = Time::from_unix(1_795_000_000);

    fn manifest() -> Manifest {
        Manifest::new("Example", None, NOW, &SeededRandom::new(1)).unwrap()
    }

    #[test]
    fn shards_follow_one_another() {
        let mut manifest = manifest();
        let start = NOW.plus_seconds(100);
        let second = manifest.append(Role::Log, start).unwrap();
        let id = &manifest.id;
        assert_eq!(second.origin, format!("log-2-{id}.signhere.localhost"));
        let [first, listed] = manifest.shards(Role::Log) else {
            panic!("two shards")
        };
        assert_eq!(first.end, Some(start.plus_seconds(OVERLAP)));
        assert_eq!((listed, listed.end), (&second, None));

        let active = |at| manifest.active(Role::Log, at).map(|shard| &*shard.name);
        assert_eq!(active(NOW.plus_seconds(-1)), None);
        assert_eq!(active(NOW.plus_seconds(99)), Some("log-1"));
        assert_eq!(active(start), Some("log-2"));
    }

    #[test]
    fn no_shard_begins_before_its_predecessor() {
        let mut manifest = manifest();
        let expected = ServeError::ShardTooEarly {
            name: "ct-2".to_owned(),
            start: NOW,
            before: NOW,
        };
        assert_eq!(manifest.append(Role::Ct, NOW), Err(expected));
        assert_eq!(manifest.shards(Role::Ct)[0].end, None);
    }

    #[test]
    fn origins_stand_under_the_host_if_there_is_one() {
        let host = Some("sigstore.example.org");
        let manifest = Manifest::new("Example", host, NOW, &SeededRandom::new(1)).unwrap();
        assert_eq!(
            manifest.shards(Role::Ct)[0].origin,
            "ct-1.sigstore.example.org"
        );
    }

    #[test]
    fn what_is_saved_is_read_and_what_is_changed_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = manifest();
        manifest.append(Role::Tsa, NOW.plus_seconds(5)).unwrap();
        manifest.save(dir.path()).unwrap();
        assert_eq!(Manifest::load(dir.path()), Ok(manifest));

        let path = dir.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        let damaged = ServeError::Damaged {
            path: path.clone(),
            expected: "the list of an instance's keys",
        };
        for (from, to) in [
            ("\"log-1\"", "\"../../log-1\""),
            ("\"log-1\"", "\"log-2\""),
            ("\"tsa-2\"", "\"tsa-1\""),
            ("\"origin\"", "\"orgin\""),
            ("}", ""),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            std::fs::write(&path, changed).unwrap();
            assert_eq!(
                Manifest::load(dir.path()).as_ref(),
                Err(&damaged),
                "{from} -> {to}"
            );
        }
        std::fs::write(&path, text.replace("\"version\": 2", "\"version\": 3")).unwrap();
        let other = ServeError::StateVersion {
            path,
            found: 3,
            expected: 2,
        };
        assert_eq!(Manifest::load(dir.path()), Err(other));
    }
}
