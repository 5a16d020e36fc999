use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use signhere_pki::key::{KeyKind, PrivateKey};
use signhere_verify::tuf::TufError;
use tempfile::TempDir;
use tower_service::Service;

use super::admin::TUF_ROOT_NEXT;
use super::online::{TUF_TARGETS_NEXT, TUF_TIMESTAMP_NEXT};
use super::published::KEPT;
use super::*;
use crate::state::keyring::{Keyring, TUF_ROOT, TUF_TARGETS, TUF_TIMESTAMP, sample};
use crate::state::seal::Unlock;

const NOW: Time = Time::from_unix(1_795_000_000);

struct Signers {
    root: PrivateKey,
    targets: PrivateKey,
    timestamp: PrivateKey,
}

impl Signers {
    fn new() -> Self {
        let pair = || PrivateKey::generate(KeyKind::P256).unwrap();
        Self {
            root: pair(),
            targets: pair(),
            timestamp: pair(),
        }
    }

    fn online(&self) -> OnlineKeys<'_> {
        OnlineKeys {
            targets: &self.targets,
            timestamp: &self.timestamp,
        }
    }
}

fn repository(dir: &TempDir, signers: &Signers) -> Repository {
    let path = dir.path().join("repository");
    let files: [Target<'_>; 2] = [("trusted_root.json", b"{}"), ("notes.txt", b"one")];
    Repository::create(&path, &signers.root, signers.online(), &files, NOW).unwrap()
}

fn versions(repository: &Repository) -> [u64; 4] {
    let published = repository.published();
    let view = &published.view;
    [
        view.roots.current().version(),
        view.targets.version(),
        view.snapshot.version(),
        view.timestamp.version(),
    ]
}

fn days(count: i64) -> Time {
    NOW.plus_seconds(count * DAY)
}

async fn answer(repository: &Arc<Repository>, path: &str) -> (StatusCode, String, String, Vec<u8>) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let mut router = Arc::clone(repository).router();
    let response = router.call(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let header = |name| {
        let value = parts.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default().to_owned()
    };
    let headers = (header(header::CONTENT_TYPE), header(header::CACHE_CONTROL));
    let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
    (parts.status, headers.0, headers.1, body)
}

#[tokio::test]
async fn everything_is_served_under_names_that_clients_ask_for() {
    let (dir, signers) = (tempfile::tempdir().unwrap(), Signers::new());
    let repository = Arc::new(repository(&dir, &signers));
    let json = "application/json";
    let for_ever = "public, max-age=31536000, immutable";
    let hash = |content: &[u8]| hex::encode(sha256(content));
    for (path, content_type, cache) in [
        ("/tuf/1.root.json".to_owned(), json, for_ever),
        ("/tuf/timestamp.json".to_owned(), json, "no-cache"),
        ("/tuf/1.snapshot.json".to_owned(), json, for_ever),
        ("/tuf/1.targets.json".to_owned(), json, for_ever),
        (
            format!("/tuf/targets/{}.trusted_root.json", hash(b"{}")),
            json,
            for_ever,
        ),
        (
            format!("/tuf/targets/{}.notes.txt", hash(b"one")),
            "application/octet-stream",
            for_ever,
        ),
    ] {
        let (status, found_type, found_cache, body) = answer(&repository, &path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(
            (&*found_type, &*found_cache),
            (content_type, cache),
            "{path}"
        );
        let file = path.trim_start_matches("/tuf/");
        let stored = dir.path().join("repository").join(file);
        assert_eq!(body, fs::read(stored).unwrap(), "{path}");
    }
    fs::write(dir.path().join("repository/2.snapshot.json"), "{}").unwrap();
    for path in [
        "/tuf/2.root.json",
        "/tuf/2.snapshot.json",
        "/tuf/snapshot.json",
        "/tuf/root.json",
        "/tuf/targets/trusted_root.json",
        "/tuf/..%2Frepository%2F1.root.json",
        "/tuf/targets/..%2F1.root.json",
    ] {
        let (status, ..) = answer(&repository, path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn a_client_reads_what_is_published() {
    let (dir, signers) = (tempfile::tempdir().unwrap(), Signers::new());
    let repository = repository(&dir, &signers);
    assert_eq!(versions(&repository), [1; 4]);
    let files: [Target<'_>; 1] = [("trusted_root.json", b"{\"new\":1}")];
    assert_eq!(repository.publish(&files, signers.online(), NOW), Ok(true));
    assert_eq!(versions(&repository), [1, 2, 2, 2]);
    assert_eq!(repository.publish(&files, signers.online(), NOW), Ok(false));
    assert_eq!(versions(&repository), [1, 2, 2, 2]);

    let pinned = repository.root_json();
    assert_eq!(repository.fingerprint(), hex::encode(sha256(&pinned)));
    let path = dir.path().join("repository");
    let view = View::read(Some(&pinned), &mut published::reader(&path)).unwrap();
    let targets = view.targets.signed();
    assert_eq!(targets.targets.len(), 1);
    let file = &targets.targets["trusted_root.json"];
    assert_eq!(file.check("trusted_root.json", b"{\"new\":1}"), Ok(()));
    // What was published before is still served.
    let served = repository.published();
    for name in ["1.snapshot.json", "1.targets.json"] {
        assert!(served.files.contains_key(name), "{name}");
    }
    let old = target_path("notes.txt", &TargetFile::of(b"one"));
    assert_eq!(served.files.get(&old).map(Vec::as_slice), Some(&b"one"[..]));
    // And it is all there after a restart.
    let reopened = Repository::open(&path).unwrap();
    assert_eq!(reopened.published().files, served.files);
}

#[test]
fn documents_are_signed_anew_long_before_they_expire() {
    let (dir, signers) = (tempfile::tempdir().unwrap(), Signers::new());
    let repository = repository(&dir, &signers);
    let refresh = |now| repository.refresh(signers.online(), now).unwrap();
    assert!(!refresh(NOW));
    assert!(!refresh(days(1).plus_seconds(-1)));
    assert_eq!(versions(&repository), [1, 1, 1, 1]);
    assert!(refresh(days(1)));
    assert!(!refresh(days(1)));
    assert_eq!(versions(&repository), [1, 1, 1, 2]);
    for day in 2..400 {
        assert!(refresh(days(day)), "{day}");
        for (what, at) in repository.expiries() {
            let left = (at.unix() - days(day).unix()) / DAY;
            let least = match what.as_str() {
                "TUF root" => continue,
                "TUF timestamp" => 7,
                _ => 61,
            };
            assert!(left >= least, "{what} has {left} days left on day {day}");
        }
    }
    assert_eq!(versions(&repository), [1, 14, 14, 400]);
    // After a long sleep everything is signed at once.
    assert!(refresh(days(800)));
    assert_eq!(versions(&repository), [1, 15, 15, 401]);
    let expiries = repository.expiries();
    assert_eq!(
        expiries,
        [
            ("TUF root".to_owned(), NOW.plus_seconds(ROOT_LIFE)),
            ("TUF targets".to_owned(), days(890)),
            ("TUF snapshot".to_owned(), days(890)),
            ("TUF timestamp".to_owned(), days(807)),
        ]
    );
}

#[test]
fn a_publication_that_stops_anywhere_has_published_nothing() {
    let (dir, signers) = (tempfile::tempdir().unwrap(), Signers::new());
    let repository = repository(&dir, &signers);
    let path = dir.path().join("repository");
    let before: Vec<_> = listing(&path);
    let old = repository.published().files.clone();
    let second: [Target<'_>; 1] = [("trusted_root.json", b"second")];
    repository.publish(&second, signers.online(), NOW).unwrap();
    let written: Vec<_> = listing(&path)
        .into_iter()
        .filter(|file| !before.contains(file))
        .collect();
    assert_eq!(
        written.len(),
        3,
        "a target, targets and snapshot: {written:?}"
    );
    let timestamp = fs::read(path.join(TIMESTAMP)).unwrap();

    // Whichever of the files were written: without the timestamp they count for nothing.
    for present in 0..1u32 << written.len() {
        let copy = dir.path().join(format!("copy-{present}"));
        fs::create_dir_all(copy.join(TARGETS)).unwrap();
        fs::set_permissions(copy.join(TARGETS), fs::Permissions::from_mode(0o700)).unwrap();
        for file in &before {
            fs::copy(path.join(file), copy.join(file)).unwrap();
        }
        for (bit, file) in written.iter().enumerate() {
            if present >> bit & 1 == 1 {
                fs::copy(path.join(file), copy.join(file)).unwrap();
            }
        }
        fs::write(copy.join(TIMESTAMP), &old[TIMESTAMP]).unwrap();
        // What a write that was cut off leaves.
        fs::write(copy.join("timestamp.new"), &timestamp[..100]).unwrap();

        let reopened = Repository::open(&copy).unwrap();
        assert_eq!(reopened.published().files, old);
        let third: [Target<'_>; 1] = [("trusted_root.json", b"third")];
        assert_eq!(reopened.publish(&third, signers.online(), NOW), Ok(true));
        assert_eq!(versions(&reopened), [1, 2, 2, 2]);
        let file = TargetFile::of(b"third");
        let published = Repository::open(&copy).unwrap().published();
        assert_eq!(
            published.view.targets.signed().targets["trusted_root.json"],
            file
        );
        assert!(!copy.join("timestamp.new").exists());
        assert!(!published.files.contains_key(&target_path(
            "trusted_root.json",
            &TargetFile::of(b"second")
        )));
    }
}

/// The timestamp was renamed into its place, but the folder could not be synced: what was written is not overwritten.
#[test]
fn a_change_after_one_that_failed_goes_on_from_what_it_has_left() {
    let (dir, signers) = (tempfile::tempdir().unwrap(), Signers::new());
    let repository = repository(&dir, &signers);
    let path = dir.path().join("repository");
    let publish = |repository: &Repository, content: &[u8]| {
        let files: [Target<'_>; 1] = [("trusted_root.json", content)];
        repository.publish(&files, signers.online(), NOW)
    };
    let in_the_way = path.join("timestamp.new");
    fs::create_dir(&in_the_way).unwrap();
    assert!(publish(&repository, b"second").is_err());
    assert_eq!(versions(&repository), [1; 4]);
    fs::remove_dir(&in_the_way).unwrap();
    let other = Repository::open(&path).unwrap();
    assert_eq!(publish(&other, b"second"), Ok(true));
    let read = |name: &str| fs::read(path.join(name)).unwrap();
    let names = ["2.snapshot.json", "2.targets.json"];
    let seen = names.map(read);

    assert_eq!(publish(&repository, b"third"), Ok(true));
    assert_eq!(versions(&repository), [1, 3, 3, 3]);
    assert_eq!(names.map(read), seen);
    assert_eq!(versions(&Repository::open(&path).unwrap()), [1, 3, 3, 3]);
}

#[test]
fn a_making_that_stops_leaves_no_repository() {
    let (dir, signers) = (tempfile::tempdir().unwrap(), Signers::new());
    let half = dir.path().join("repository.new");
    fs::create_dir(&half).unwrap();
    fs::write(half.join("1.root.json"), "half").unwrap();
    let path = dir.path().join("repository");
    let missing = RepositoryError::Missing {
        name: "1.root.json".to_owned(),
    };
    assert_eq!(Repository::open(&path).err(), Some(missing));
    let made = repository(&dir, &signers);
    assert_eq!(versions(&made), [1; 4]);
    assert!(!half.exists());
}

#[test]
fn old_versions_are_kept_for_a_while() {
    let (dir, signers) = (tempfile::tempdir().unwrap(), Signers::new());
    let repository = repository(&dir, &signers);
    let rounds = KEPT + 8;
    for round in 2..=rounds {
        let content = round.to_string();
        let files: [Target<'_>; 1] = [("file", content.as_bytes())];
        repository.publish(&files, signers.online(), NOW).unwrap();
    }
    let path = dir.path().join("repository");
    let on_disk = listing(&path);
    let kept = usize::try_from(KEPT).unwrap();
    for kind in ["snapshot.json", "targets.json", ".file"] {
        let found = on_disk.iter().filter(|file| file.ends_with(kind)).count();
        assert_eq!(found, kept, "{kind}");
    }
    let mut served: Vec<String> = repository.published().files.keys().cloned().collect();
    served.sort();
    assert_eq!(served, on_disk);
    assert!(!served.contains(&"8.snapshot.json".to_owned()));
    assert!(served.contains(&"9.snapshot.json".to_owned()));
}

#[test]
fn damage_is_noticed_before_anything_is_served() {
    let (dir, signers) = (tempfile::tempdir().unwrap(), Signers::new());
    let made = repository(&dir, &signers);
    let path = dir.path().join("repository");
    let error = |file: &str, change: &dyn Fn(String) -> String| {
        let intact = fs::read(path.join(file)).unwrap();
        let changed = change(String::from_utf8(intact.clone()).unwrap());
        fs::write(path.join(file), changed).unwrap();
        let error = Repository::open(&path).err().unwrap();
        fs::write(path.join(file), intact).unwrap();
        error
    };
    let document = |name: &str, error| RepositoryError::Document {
        name: name.to_owned(),
        error,
    };
    let threshold = |role: &str| TufError::Threshold {
        role: role.to_owned(),
        expected: 1,
        found: 0,
    };
    let later = |text: String| text.replace("\"version\": 1", "\"version\": 1000");
    assert_eq!(
        error("1.root.json", &later),
        document("1.root.json", threshold("root"))
    );
    let same_length = |text: String| {
        text.replace("\"2026-", "\"2027-")
            .replace("\"2027-0", "\"2029-0")
    };
    assert_eq!(
        error("timestamp.json", &same_length),
        document("timestamp.json", threshold("timestamp"))
    );
    let hash = |file: &str| TufError::Hash {
        file: file.to_owned(),
        algorithm: signhere_pki::digest::HashAlgorithm::Sha256,
    };
    for name in ["1.snapshot.json", "1.targets.json"] {
        assert_eq!(error(name, &same_length), document(name, hash(name)));
    }
    let target = target_path("notes.txt", &TargetFile::of(b"one"));
    assert_eq!(
        error(&target, &|_| "two".to_owned()),
        document(&target, hash("notes.txt"))
    );
    fs::remove_file(path.join(&target)).unwrap();
    let missing = RepositoryError::Missing { name: target };
    assert_eq!(Repository::open(&path).err(), Some(missing));
    drop(made);
}

#[test]
fn only_the_keys_of_the_root_sign() {
    let (dir, signers) = (tempfile::tempdir().unwrap(), Signers::new());
    let repository = repository(&dir, &signers);
    let strangers = Signers::new();
    let files: [Target<'_>; 1] = [("file", b"new")];
    let published = repository.publish(&files, strangers.online(), NOW);
    assert_eq!(
        published,
        Err(RepositoryError::NotItsKey { role: "targets" })
    );
    let half = OnlineKeys {
        targets: &signers.targets,
        timestamp: &strangers.timestamp,
    };
    let published = repository.publish(&files, half, NOW);
    assert_eq!(
        published,
        Err(RepositoryError::NotItsKey { role: "snapshot" })
    );
    assert_eq!(versions(&repository), [1; 4]);
    for name in ["", "a/b", "..\u{e9}", "a b"] {
        let files: [Target<'_>; 1] = [(name, b"new")];
        let error = RepositoryError::TargetName {
            name: name.to_owned(),
        };
        assert_eq!(
            repository.publish(&files, signers.online(), NOW),
            Err(error)
        );
    }
}

/// An instance's folder with keys and a repository, as it is made by `init`.
struct Instance {
    dir: TempDir,
    keyring: Keyring,
    repository: Repository,
    admin: RootAdmin,
}

impl Instance {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        let keyring = sample::keyring(&keys, NOW);
        ensure_private_dir(&dir.path().join("tuf")).unwrap();
        let signers = Self::signers(&keyring);
        let repository = Repository::create(
            &dir.path().join(FOLDER),
            &signers.root,
            signers.online(),
            &[("trusted_root.json", b"{}")],
            NOW,
        );
        Self {
            repository: repository.unwrap(),
            admin: RootAdmin::new(dir.path()),
            keyring,
            dir,
        }
    }

    fn signers(keyring: &Keyring) -> Signers {
        Signers {
            root: keyring.key(TUF_ROOT).unwrap(),
            targets: keyring.key(TUF_TARGETS).unwrap(),
            timestamp: keyring.key(TUF_TIMESTAMP).unwrap(),
        }
    }

    /// What the running instance does each second.
    fn look(&self) -> Result<bool, RepositoryError> {
        let signers = OnlineSigners::newest(&self.keyring, self.repository.dir()).unwrap();
        self.repository.refresh(signers.keys(), NOW)
    }

    fn rotate(
        &self,
        current: Option<&PrivateKey>,
        new: NewRootKey,
    ) -> Result<u64, RepositoryError> {
        let rotated = self
            .admin
            .rotate(&Unlock::File, current, new, days(365), NOW);
        rotated.map(|root| root.version())
    }

    /// The one key that signs roots now.
    fn in_force(&self) -> signhere_pki::key::PublicKey {
        let view = self.admin.view().unwrap();
        let root = view.roots.current().signed();
        let [id] = root.root.key_ids() else {
            panic!("one key")
        };
        let (key, _) = root.keys.key(id).unwrap().public().unwrap();
        key.clone()
    }

    fn import(&self, root: &Metadata<Root>) -> Result<u64, RepositoryError> {
        let imported = self.admin.import(root.bytes(), NOW);
        imported.map(|root| root.version())
    }
}

#[test]
fn the_root_is_renewed_and_its_key_replaced_while_the_instance_runs() {
    let instance = Instance::new();
    let first = instance.in_force();
    assert_eq!(instance.rotate(None, NewRootKey::Same), Ok(2));
    assert_eq!(instance.in_force(), first);
    assert_eq!(versions(&instance.repository), [1; 4]);
    assert_eq!(instance.look(), Ok(false));
    assert_eq!(versions(&instance.repository), [2, 1, 1, 1]);
    assert!(
        instance
            .repository
            .published()
            .files
            .contains_key("2.root.json")
    );

    assert_eq!(instance.rotate(None, NewRootKey::Made), Ok(3));
    assert_ne!(instance.in_force(), first);
    assert!(!instance.keyring.has(TUF_ROOT_NEXT));
    assert_eq!(
        *instance.keyring.key(TUF_ROOT).unwrap().public_key(),
        instance.in_force()
    );
    assert_eq!(instance.rotate(None, NewRootKey::Made), Ok(4));
    assert_eq!(instance.look(), Ok(false));

    // A client that pinned the first root follows them all, and the old key is of no use.
    let view = instance.admin.view().unwrap();
    let chain: Vec<u64> = view.roots.iter().map(Metadata::version).collect();
    assert_eq!(chain, [1, 2, 3, 4]);
    assert_eq!(view.roots.current().signed().keys.iter().count(), 3);
    assert_eq!(instance.repository.root_json(), view.roots.first().bytes());
}

#[test]
fn a_root_key_that_a_crash_left_behind_is_found() {
    // Made and in force, but not yet among the keys under its name.
    let instance = Instance::new();
    let old = instance.keyring.key(TUF_ROOT).unwrap();
    instance.rotate(None, NewRootKey::Made).unwrap();
    let new = instance.keyring.key(TUF_ROOT).unwrap();
    instance.keyring.put(TUF_ROOT, &old).unwrap();
    instance.keyring.put(TUF_ROOT_NEXT, &new).unwrap();
    assert_eq!(instance.rotate(None, NewRootKey::Same), Ok(3));
    assert!(!instance.keyring.has(TUF_ROOT_NEXT));
    assert_eq!(
        instance.keyring.key(TUF_ROOT).unwrap().public_key(),
        new.public_key()
    );

    // Made, but its root was never put in place: the old one goes on.
    let instance = Instance::new();
    let never = PrivateKey::generate(KeyKind::P256).unwrap();
    instance.keyring.put(TUF_ROOT_NEXT, &never).unwrap();
    assert_eq!(instance.rotate(None, NewRootKey::Same), Ok(2));
    assert_eq!(instance.rotate(None, NewRootKey::Made), Ok(3));
    assert_ne!(instance.in_force(), *never.public_key());
}

#[test]
fn the_root_key_can_leave_and_sign_from_elsewhere() {
    let instance = Instance::new();
    let away = instance.admin.root_key(&Unlock::File).unwrap();
    assert!(instance.admin.has_root_key());
    instance.admin.remove_root_key(&Unlock::File).unwrap();
    assert!(!instance.admin.has_root_key());
    let no_key = Err(RepositoryError::NoRootKey);
    assert_eq!(instance.rotate(None, NewRootKey::Same), no_key);
    assert_eq!(instance.admin.root_key(&Unlock::File).err(), no_key.err());
    // The instance needs it for nothing.
    let online = Instance::new();
    online.admin.remove_root_key(&Unlock::File).unwrap();
    assert_eq!(online.look(), Ok(false));

    assert_eq!(instance.rotate(Some(&away), NewRootKey::Same), Ok(2));
    // To another key that the instance never holds.
    let other = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    assert_eq!(
        instance.rotate(Some(&away), NewRootKey::Given(other.clone())),
        Ok(3)
    );
    assert_eq!(instance.in_force(), *other.public_key());
    assert!(!instance.admin.has_root_key());
    // And back to one that it makes.
    assert_eq!(instance.rotate(Some(&other), NewRootKey::Made), Ok(4));
    assert!(instance.admin.has_root_key());
    assert_eq!(instance.look(), Ok(false));
    assert_eq!(versions(&instance.repository), [4, 1, 1, 1]);
}

#[test]
fn several_people_sign_the_next_root_and_it_is_imported() {
    let instance = Instance::new();
    let [a, b, c] = [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519]
        .map(|kind| PrivateKey::generate(kind).unwrap());
    let keys: Vec<_> = [&a, &b, &c].map(|key| key.public_key().clone()).to_vec();
    let next = |threshold, expires| NextRoot {
        online: None,
        keys: Some((keys.clone(), threshold)),
        expires,
    };
    let unreachable = RepositoryError::Unreachable {
        threshold: 4,
        keys: 3,
    };
    assert_eq!(
        instance.admin.draft(&next(4, days(365))).err(),
        Some(unreachable)
    );

    let draft = instance.admin.draft(&next(2, days(365))).unwrap();
    assert!(draft.signatures().is_empty());
    let refused = |found, expected| {
        Err(RepositoryError::Document {
            name: "2.root.json".to_owned(),
            error: TufError::Threshold {
                role: "root".to_owned(),
                expected,
                found,
            },
        })
    };
    assert_eq!(instance.import(&draft), refused(0, 1));
    // Each signs a copy of the file as it comes to them.
    let sign = |root: &Metadata<Root>, key: &PrivateKey| {
        let mut root: Metadata<Root> = Metadata::parse(root.bytes()).unwrap();
        let known = root.signed().keys.clone();
        root.sign(key, &known).unwrap();
        root
    };
    let by_a = sign(&draft, &a);
    assert_eq!(instance.import(&by_a), refused(0, 1));
    let by_old = sign(&by_a, &instance.admin.root_key(&Unlock::File).unwrap());
    assert_eq!(instance.import(&by_old), refused(1, 2));
    let by_all = sign(&by_old, &c);
    assert_eq!(instance.import(&by_all), Ok(2));
    assert_eq!(
        fs::read(instance.dir.path().join(FOLDER).join("2.root.json")).unwrap(),
        by_all.bytes()
    );
    assert_eq!(instance.look(), Ok(false));
    assert_eq!(versions(&instance.repository), [2, 1, 1, 1]);
    // The instance's own key no longer counts.
    assert_eq!(
        instance.rotate(None, NewRootKey::Same),
        Err(RepositoryError::NoRootKey)
    );

    // The same file again is no continuation.
    let again = RepositoryError::Document {
        name: "3.root.json".to_owned(),
        error: TufError::Version {
            role: "root".to_owned(),
            expected: 3,
            found: 2,
        },
    };
    assert_eq!(instance.import(&by_all), Err(again));
}

#[test]
fn a_root_that_would_stop_clients_is_refused() {
    let instance = Instance::new();
    let root_key = instance.admin.root_key(&Unlock::File).unwrap();
    let changed = |change: &dyn Fn(&mut Root)| {
        let same = NextRoot {
            keys: None,
            online: None,
            expires: days(365),
        };
        let mut root = instance.admin.draft(&same).unwrap().signed().clone();
        change(&mut root);
        let known = root.keys.clone();
        let mut root = Metadata::unsigned(root).unwrap();
        root.sign(&root_key, &known).unwrap();
        root
    };
    let document = |name: &str, error| {
        Err(RepositoryError::Document {
            name: name.to_owned(),
            error,
        })
    };
    let expired = changed(&|root| root.header.expires = NOW);
    let error = TufError::Expired {
        role: "root".to_owned(),
        expires: NOW,
    };
    assert_eq!(instance.import(&expired), document("2.root.json", error));
    let names = changed(&|root| root.consistent_snapshot = false);
    let error = RepositoryError::NotConsistent {
        name: "2.root.json".to_owned(),
    };
    assert_eq!(instance.import(&names), Err(error));
    // Keys of others for what the instance signs.
    let other_keys = changed(&|root| root.timestamp = root.root.clone());
    let role = "timestamp";
    let error = RepositoryError::NotItsKey { role };
    assert_eq!(instance.import(&other_keys), Err(error));
    let error = TufError::Threshold {
        role: role.to_owned(),
        expected: 1,
        found: 0,
    };
    // A running instance that finds such a root does not take it up, and goes on with what it has.
    let path = instance.dir.path().join(FOLDER).join("2.root.json");
    fs::write(&path, other_keys.bytes()).unwrap();
    assert_eq!(
        instance.look().map(|_| 0),
        document("timestamp.json", error)
    );
    assert_eq!(versions(&instance.repository), [1; 4]);
    assert!(
        !instance
            .repository
            .published()
            .files
            .contains_key("2.root.json")
    );
    fs::remove_file(&path).unwrap();

    let good = changed(&|_| {});
    fs::write(&path, good.bytes()).unwrap();
    assert_eq!(instance.look(), Ok(false));
    assert_eq!(versions(&instance.repository), [2, 1, 1, 1]);
}

#[test]
fn the_keys_of_the_instance_are_replaced_while_it_runs() {
    let instance = Instance::new();
    let before = Instance::signers(&instance.keyring);
    let pinned = instance.repository.root_json();
    let rotated = |current| {
        let admin = &instance.admin;
        let rotated = admin.rotate_online(&Unlock::File, current, days(365), NOW);
        rotated.map(|root| root.version())
    };
    assert_eq!(rotated(None), Ok(2));
    // Until all of it is signed by the new keys, nothing of it is seen.
    assert_eq!(versions(&instance.repository), [1; 4]);
    let files = |repository: &Repository| repository.published().files.clone();
    assert!(!files(&instance.repository).contains_key("2.root.json"));

    assert_eq!(instance.look(), Ok(true));
    assert_eq!(versions(&instance.repository), [2; 4]);
    assert!(files(&instance.repository).contains_key("2.root.json"));
    let after = Instance::signers(&instance.keyring);
    assert_ne!(after.targets.public_key(), before.targets.public_key());
    assert_ne!(after.timestamp.public_key(), before.timestamp.public_key());
    assert!(!instance.keyring.has(TUF_TARGETS_NEXT));
    assert!(!instance.keyring.has(TUF_TIMESTAMP_NEXT));
    // Whoever has pinned the first root follows, and the old keys sign nothing any more.
    let view = instance.admin.view_from(Some(&pinned)).unwrap();
    assert_eq!(view.targets.version(), 2);
    assert_eq!(
        instance.repository.refresh(before.online(), days(89)),
        Err(RepositoryError::NotItsKey { role: "targets" })
    );
    assert_eq!(instance.look(), Ok(false));

    // The root key elsewhere, and an old root key that is none any more.
    let root_key = instance.admin.root_key(&Unlock::File).unwrap();
    instance.admin.remove_root_key(&Unlock::File).unwrap();
    assert_eq!(rotated(None), Err(RepositoryError::NoRootKey));
    assert_eq!(rotated(Some(&root_key)), Ok(3));
    assert_eq!(instance.look(), Ok(true));
    assert_eq!(versions(&instance.repository), [3; 4]);
}

#[test]
fn keys_that_were_lost_are_replaced_at_the_next_start() {
    let instance = Instance::new();
    instance.keyring.remove(TUF_TIMESTAMP).unwrap();
    let rotated = instance
        .admin
        .rotate_online(&Unlock::File, None, days(365), NOW);
    assert_eq!(rotated.unwrap().version(), 2);
    // The instance ends, and starts again over documents of the keys before.
    let dir = instance.repository.dir().to_path_buf();
    for stop in ["before", "after the targets", "after the snapshot"] {
        let repository = Repository::open(&dir).unwrap();
        assert_eq!(versions(&repository), [1; 4], "{stop}");
        let name = match stop {
            "before" => "2.targets.json",
            _ => "2.snapshot.json",
        };
        fs::write(dir.join(name), "half").unwrap();
    }
    let repository = Repository::open(&dir).unwrap();
    let signers = OnlineSigners::newest(&instance.keyring, &dir).unwrap();
    assert_eq!(repository.refresh(signers.keys(), NOW), Ok(true));
    assert_eq!(versions(&repository), [2; 4]);
    let again = Repository::open(&dir).unwrap();
    assert_eq!(versions(&again), [2; 4]);
    assert!(instance.keyring.has(TUF_TIMESTAMP));
}

#[test]
fn several_people_sign_a_root_for_new_keys_of_the_instance() {
    let instance = Instance::new();
    let root_key = instance.admin.root_key(&Unlock::File).unwrap();
    let next = NextRoot {
        keys: None,
        online: Some(instance.admin.make_online_keys(&Unlock::File).unwrap()),
        expires: days(365),
    };
    let mut root = instance.admin.draft(&next).unwrap();
    // Made and not signed: the instance goes on with the keys it has.
    assert_eq!(instance.look(), Ok(false));
    let known = root.signed().keys.clone();
    root.sign(&root_key, &known).unwrap();
    assert_eq!(instance.import(&root), Ok(2));
    assert_eq!(instance.look(), Ok(true));
    assert_eq!(versions(&instance.repository), [2; 4]);
}

/// The files of a repository by their paths, sorted.
fn listing(dir: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for (folder, prefix) in [(dir.to_path_buf(), ""), (dir.join(TARGETS), "targets/")] {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                files.push(format!("{prefix}{}", entry.file_name().to_str().unwrap()));
            }
        }
    }
    files.sort();
    files
}
