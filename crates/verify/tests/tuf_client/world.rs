//! A repository in memory that does what a case asks of it, and a client with its folder.
//!
//! Documents are JSON values, so that a case can make them wrong in any way; they are signed as published.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use signhere_pki::digest::{HashAlgorithm, sha256};
use signhere_pki::key::{KeyKind, PrivateKey, Signer as _};
use signhere_pki::time::Time;
use signhere_verify::tuf::Key;
use signhere_verify::tuf::client::{Action, Limits, UpdateError, Updater};

pub(crate) const NOW: Time = Time::from_unix(1_800_000_000);
/// After [`NOW`].
pub(crate) const VALID: &str = "2027-02-01T00:00:00Z";
/// Before [`NOW`].
pub(crate) const EXPIRED: &str = "2027-01-01T00:00:00Z";

/// A repository and one client of it.
pub(crate) struct World {
    pub(crate) repository: Repository,
    pub(crate) client: Client,
}

/// What is published next, and what is there to be fetched.
pub(crate) struct Repository {
    pub(crate) root: Value,
    pub(crate) timestamp: Value,
    pub(crate) snapshot: Value,
    /// `targets` and every delegated role.
    pub(crate) roles: BTreeMap<String, Value>,
    /// Whose keys sign each role's document.
    pub(crate) signers: BTreeMap<String, Vec<&'static str>>,
    /// Whether the snapshot and the timestamp say length and hashes, and by which function.
    pub(crate) describes: Option<HashAlgorithm>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) keys: BTreeMap<&'static str, PrivateKey>,
}

/// What a client has, and does.
pub(crate) struct Client {
    pub(crate) folder: BTreeMap<String, Vec<u8>>,
    pub(crate) now: Time,
    pub(crate) limits: Limits,
    /// The targets to search for after the update.
    pub(crate) wanted: Vec<&'static str>,
    /// Every document asked for in the last update.
    pub(crate) asked: Vec<String>,
}

impl World {
    /// A repository with version 1 of everything, and a client that knows its first root.
    pub(crate) fn new() -> Self {
        let mut repository = Repository::new();
        repository.publish_root();
        repository.publish();
        let root = repository.files["1.root.json"].clone();
        Self {
            repository,
            client: Client {
                folder: BTreeMap::from([("root.json".to_owned(), root)]),
                now: NOW,
                limits: Limits::default(),
                wanted: Vec::new(),
                asked: Vec::new(),
            },
        }
    }

    /// The same, of which the client has everything.
    pub(crate) fn followed() -> Self {
        let mut world = Self::new();
        world.client.update(&world.repository).unwrap();
        world
    }

    /// One more update, which must succeed.
    pub(crate) fn update(&mut self) {
        self.client.update(&self.repository).unwrap();
    }
}

impl Repository {
    fn new() -> Self {
        let signed = |kind: &str| json!({"_type": kind, "spec_version": "1.0.34", "version": 1, "expires": VALID});
        let mut root = signed("root");
        root["consistent_snapshot"] = true.into();
        root["keys"] = json!({});
        root["roles"] = json!({});
        let mut targets = signed("targets");
        targets["targets"] = json!({});
        let mut this = Self {
            root,
            timestamp: signed("timestamp"),
            snapshot: signed("snapshot"),
            roles: BTreeMap::from([("targets".to_owned(), targets)]),
            signers: BTreeMap::new(),
            describes: None,
            files: BTreeMap::new(),
            keys: BTreeMap::new(),
        };
        for role in ["root", "timestamp", "snapshot", "targets"] {
            this.rotate(role, &[role], 1);
        }
        this
    }

    /// A key by its name, made at first use.
    pub(crate) fn key(&mut self, name: &'static str) -> &PrivateKey {
        self.key_of(name, KeyKind::Ed25519)
    }

    pub(crate) fn key_of(&mut self, name: &'static str, kind: KeyKind) -> &PrivateKey {
        let make = || PrivateKey::generate(kind).unwrap();
        self.keys.entry(name).or_insert_with(make)
    }

    /// The id and the description of a key, as the specification has it.
    pub(crate) fn described(&mut self, name: &'static str) -> (String, Value) {
        let key = self.key(name);
        let described = Key::new(key.public_key(), key.scheme()).unwrap();
        let id = described.id().unwrap().as_str().to_owned();
        let public = match key.public_key().kind() {
            KeyKind::Ed25519 => hex::encode(key.public_key().key_bytes()),
            _ => key.public_key().to_pem(),
        };
        let value = json!({
            "keytype": described.keytype(),
            "scheme": described.scheme(),
            "keyval": { "public": public },
        });
        (id, value)
    }

    /// Gives a top-level role these keys, which sign for it from now on. The root is published by the caller.
    pub(crate) fn rotate(&mut self, role: &str, names: &[&'static str], threshold: u64) {
        let mut ids = Vec::new();
        for name in names {
            let (id, key) = self.described(name);
            self.root["keys"][&id] = key;
            ids.push(id);
        }
        self.root["roles"][role] = json!({"keyids": ids, "threshold": threshold});
        self.signers.insert(role.to_owned(), names.to_vec());
    }

    /// Lets a role delegate `patterns` to another, which describes `files`.
    pub(crate) fn delegate(
        &mut self,
        from: &str,
        to: &'static str,
        patterns: &[&str],
        files: &[&str],
    ) {
        self.delegate_with(
            from,
            to,
            json!({"paths": patterns, "terminating": false}),
            files,
        );
    }

    /// The same with other members of the delegation.
    pub(crate) fn delegate_with(
        &mut self,
        from: &str,
        to: &'static str,
        with: Value,
        files: &[&str],
    ) {
        let (id, key) = self.described(to);
        let mut delegation = json!({"name": to, "keyids": [id], "threshold": 1});
        for (name, value) in with.as_object().unwrap() {
            delegation[name] = value.clone();
        }
        let from = self.roles.get_mut(from).unwrap();
        if from["delegations"].is_null() {
            from["delegations"] = json!({"keys": {}, "roles": []});
        }
        from["delegations"]["keys"][&id] = key;
        let roles = from["delegations"]["roles"].as_array_mut().unwrap();
        roles.push(delegation);
        self.add_role(to, files);
    }

    pub(crate) fn add_role(&mut self, name: &'static str, files: &[&str]) {
        self.key(name);
        self.signers
            .entry(name.to_owned())
            .or_insert_with(|| vec![name]);
        let role = self.roles.entry(name.to_owned()).or_insert_with(|| {
            json!({"_type": "targets", "spec_version": "1.0.34", "version": 1, "expires": VALID, "targets": {}})
        });
        for file in files {
            role["targets"][*file] = target(format!("{file} of {name}").as_bytes());
        }
    }

    /// The next version of a role's document.
    pub(crate) fn bump(&mut self, role: &str) {
        let document = match role {
            "root" => &mut self.root,
            "timestamp" => &mut self.timestamp,
            "snapshot" => &mut self.snapshot,
            role => self.roles.get_mut(role).unwrap(),
        };
        document["version"] = (document["version"].as_u64().unwrap() + 1).into();
    }

    /// Signs and publishes the root under its version.
    pub(crate) fn publish_root(&mut self) {
        let names = self.signers["root"].clone();
        self.publish_root_by(&names);
    }

    pub(crate) fn publish_root_by(&mut self, names: &[&'static str]) {
        let bytes = self.sign(&self.root.clone(), names);
        let name = format!("{}.root.json", self.root["version"]);
        self.files.insert(name, bytes);
    }

    /// The next root, signed by the keys before and after.
    pub(crate) fn next_root(&mut self, change: impl FnOnce(&mut Self)) {
        let mut names = self.signers["root"].clone();
        self.bump("root");
        change(self);
        for name in self.signers["root"].clone() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        self.publish_root_by(&names);
    }

    /// The next version of targets, snapshot and timestamp.
    pub(crate) fn release(&mut self) {
        for role in ["targets", "snapshot", "timestamp"] {
            self.bump(role);
        }
        self.publish();
    }

    /// Signs and publishes everything but the root as it stands.
    pub(crate) fn publish(&mut self) {
        let consistent = self.root["consistent_snapshot"].as_bool().unwrap_or(false);
        let name_of = |role: &str, version: &Value| {
            let role = role
                .replace('%', "%25")
                .replace('/', "%2F")
                .replace(' ', "%20")
                .replace('?', "%3F")
                .replace('#', "%23")
                .replace('\u{e9}', "%C3%A9");
            match consistent {
                true => format!("{version}.{role}.json"),
                false => format!("{role}.json"),
            }
        };
        let mut meta = json!({});
        for (role, signed) in self.roles.clone() {
            let bytes = self.sign(&signed, &self.signers[&role].clone());
            meta[format!("{role}.json")] = self.describe(&signed, &bytes);
            self.files.insert(name_of(&role, &signed["version"]), bytes);
        }
        if self.snapshot["meta"].is_null() {
            self.snapshot["meta"] = json!({});
        }
        for (name, described) in meta.as_object().unwrap() {
            self.snapshot["meta"][name] = described.clone();
        }
        self.publish_snapshot();
    }

    /// The same of snapshot and timestamp alone, for a case that changed what they say.
    pub(crate) fn publish_snapshot(&mut self) {
        let snapshot = self.snapshot.clone();
        let bytes = self.sign(&snapshot, &self.signers["snapshot"].clone());
        self.timestamp["meta"] = json!({"snapshot.json": self.describe(&snapshot, &bytes)});
        let name = match self.root["consistent_snapshot"].as_bool() {
            Some(true) => format!("{}.snapshot.json", snapshot["version"]),
            _ => "snapshot.json".to_owned(),
        };
        self.files.insert(name, bytes);
        self.publish_timestamp();
    }

    pub(crate) fn publish_timestamp(&mut self) {
        let names = self.signers["timestamp"].clone();
        let bytes = self.sign(&self.timestamp.clone(), &names);
        self.files.insert("timestamp.json".to_owned(), bytes);
    }

    fn describe(&self, signed: &Value, bytes: &[u8]) -> Value {
        let mut described = json!({"version": signed["version"]});
        if let Some(algorithm) = self.describes {
            described["length"] = bytes.len().into();
            described["hashes"] = json!({algorithm.name(): algorithm.digest(bytes).hex()});
        }
        described
    }

    /// A document with a signature of each of these keys, under their usual ids.
    pub(crate) fn sign(&mut self, signed: &Value, names: &[&'static str]) -> Vec<u8> {
        let payload = canonical(signed);
        let mut signatures = Vec::new();
        for name in names {
            let (id, _) = self.described(name);
            let value = self.key(name).sign(payload.as_bytes()).unwrap();
            signatures.push(json!({"keyid": id, "sig": hex::encode(value)}));
        }
        json!({"signatures": signatures, "signed": signed})
            .to_string()
            .into_bytes()
    }

    /// Changes a published document, signatures and all.
    pub(crate) fn tamper(&mut self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut value: Value = serde_json::from_slice(&self.files[name]).unwrap();
        change(&mut value);
        self.files
            .insert(name.to_owned(), value.to_string().into_bytes());
    }
}

impl Client {
    /// An update, and the search for what is wanted. Tells which roles describe that.
    pub(crate) fn update(&mut self, repository: &Repository) -> Result<Vec<String>, UpdateError> {
        self.asked.clear();
        let mut updater = Updater::new(&self.folder["root.json"], self.now, self.limits)?;
        self.drive(&mut updater, repository)?;
        let mut found = Vec::new();
        for path in self.wanted.clone() {
            updater.find(path)?;
            self.drive(&mut updater, repository)?;
            found.push(updater.found()?.role.clone());
        }
        assert_eq!(updater.next_action(), None);
        Ok(found)
    }

    fn drive(&mut self, updater: &mut Updater, repository: &Repository) -> Result<(), UpdateError> {
        let mut outcome = Ok(());
        while let Some(action) = updater.next_action() {
            match action {
                Action::Load { file, .. } => {
                    let bytes = match file.ends_with(".root.json") {
                        true => None,
                        false => self.folder.get(&file).cloned(),
                    };
                    outcome = updater.answer(bytes);
                }
                Action::Fetch { file, limit } => {
                    self.asked.push(file.clone());
                    let bytes = repository.files.get(&file).cloned();
                    // A transport refuses what is longer; here it is cut, which is as wrong.
                    let bytes = bytes.map(|mut bytes| {
                        bytes.truncate(limit);
                        bytes
                    });
                    outcome = updater.answer(bytes);
                }
                Action::Store {
                    file,
                    bytes,
                    version,
                } => {
                    let value: Value = serde_json::from_slice(&bytes).unwrap();
                    assert_eq!(value["signed"]["version"], version);
                    self.folder.insert(file, bytes);
                }
                Action::Remove { file } => {
                    self.folder.remove(&file);
                }
            }
        }
        outcome
    }

    /// The versions in the folder: `root 1, timestamp 2`.
    pub(crate) fn holds(&self) -> String {
        let rank = |name: &str| {
            let order = [
                "root.json",
                "timestamp.json",
                "snapshot.json",
                "targets.json",
            ];
            order
                .iter()
                .position(|known| *known == name)
                .unwrap_or(order.len())
        };
        let mut files: Vec<_> = self.folder.iter().collect();
        files.sort_by_key(|(name, _)| (rank(name), (*name).clone()));
        let versions = files.into_iter().map(|(name, bytes)| {
            let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
            format!(
                "{} {}",
                name.trim_end_matches(".json"),
                value["signed"]["version"]
            )
        });
        versions.collect::<Vec<_>>().join(", ")
    }
}

/// What targets metadata says of a file.
pub(crate) fn target(content: &[u8]) -> Value {
    json!({"length": content.len(), "hashes": {"sha256": hex::encode(sha256(content))}})
}

/// Canonical JSON, written apart from the code that is tested; no string here needs an escape but quotes.
pub(crate) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut names: Vec<_> = members.keys().collect();
            names.sort();
            let members: Vec<String> = names
                .iter()
                .map(|name| format!("{}:{}", text(name), canonical(&members[*name])))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(canonical).collect();
            format!("[{}]", elements.join(","))
        }
        Value::String(string) => text(string),
        other => other.to_string(),
    }
}

fn text(string: &str) -> String {
    format!("\"{}\"", string.replace('\\', "\\\\").replace('"', "\\\""))
}
