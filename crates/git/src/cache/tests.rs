use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

const TRUST: [u8; 32] = [1; 32];

fn context() -> Context {
    Context::new("signhere 1", &TRUST, "refs/heads/main")
}

fn key(n: u32) -> Key {
    let mut id = [0; 20];
    id[..4].copy_from_slice(&n.to_be_bytes());
    Key::new(&ObjectId::Sha1(id), &[2; 32])
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("cache/git");
    (temporary, folder)
}

fn open(folder: &Path) -> Cache {
    Cache::open(folder, context(), &[]).unwrap()
}

fn file_of(folder: &Path) -> PathBuf {
    folder.join(context().file_name())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_was_kept_is_found_by_the_next() {
    let (_temporary, folder) = folder();
    let cache = open(&folder);
    assert_eq!(cache.find(&key(1)), None);
    cache.keep(key(1), b"verified").unwrap();
    cache.keep(key(2), b"").unwrap();
    assert_eq!(cache.find(&key(1)), Some(b"verified".to_vec()));
    drop(cache);
    let cache = open(&folder);
    assert_eq!(cache.len(), 2);
    assert_eq!(cache.find(&key(1)), Some(b"verified".to_vec()));
    assert_eq!(cache.find(&key(2)), Some(Vec::new()));
    assert_eq!(cache.find(&key(3)), None);
    assert_eq!((mode(&folder), mode(&file_of(&folder))), (0o700, 0o600));
}

#[test]
fn every_part_of_the_key_counts() {
    let keys = [
        Key::new(&ObjectId::Sha1([1; 20]), &[2; 32]),
        Key::new(&ObjectId::Sha1([2; 20]), &[2; 32]),
        Key::new(&ObjectId::Sha1([1; 20]), &[3; 32]),
        Key::new(&ObjectId::Sha256([1; 32]), &[2; 32]),
    ];
    let contexts = [
        context(),
        Context::new("signhere 2", &TRUST, "refs/heads/main"),
        Context::new("signhere 1", &[2; 32], "refs/heads/main"),
        Context::new("signhere 1", &TRUST, "refs/heads/mai"),
    ];
    for (index, one) in keys.iter().enumerate() {
        assert!(keys[index + 1..].iter().all(|other| one != other));
    }
    for (index, one) in contexts.iter().enumerate() {
        assert!(contexts[index + 1..].iter().all(|other| one != other));
    }
}

#[test]
fn a_torn_end_is_ignored_and_then_cut_off() {
    let (_temporary, folder) = folder();
    let cache = open(&folder);
    cache.keep(key(1), b"first").unwrap();
    cache.flush().unwrap();
    let whole = fs::read(file_of(&folder)).unwrap().len();
    cache.keep(key(2), b"second").unwrap();
    drop(cache);
    let bytes = fs::read(file_of(&folder)).unwrap();
    for end in 0..bytes.len() {
        fs::write(file_of(&folder), &bytes[..end]).unwrap();
        let cache = open(&folder);
        let first = (end >= whole).then(|| b"first".to_vec());
        assert_eq!(
            (cache.find(&key(1)), cache.find(&key(2))),
            (first.clone(), None)
        );
        cache.keep(key(3), b"third").unwrap();
        drop(cache);
        let cache = open(&folder);
        assert_eq!(cache.find(&key(1)), first);
        assert_eq!(cache.find(&key(3)), Some(b"third".to_vec()));
    }
}

#[test]
fn a_changed_byte_is_never_a_verdict() {
    let (_temporary, folder) = folder();
    let cache = open(&folder);
    cache.keep(key(1), b"verified").unwrap();
    cache.keep(key(2), b"refused").unwrap();
    drop(cache);
    let bytes = fs::read(file_of(&folder)).unwrap();
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        fs::write(file_of(&folder), &changed).unwrap();
        let cache = open(&folder);
        for (number, verdict) in [(1, &b"verified"[..]), (2, b"refused")] {
            let found = cache.find(&key(number));
            assert!(found.is_none_or(|found| found == verdict), "{position}");
        }
    }
}

#[test]
fn many_write_at_once() {
    let (_temporary, folder) = folder();
    let caches: Vec<Cache> = (0..4).map(|_| open(&folder)).collect();
    std::thread::scope(|scope| {
        for (index, cache) in (0_u32..).zip(&caches) {
            scope.spawn(move || {
                for n in 0..500 {
                    let number = index * 1000 + n;
                    cache.keep(key(number), &number.to_be_bytes()).unwrap();
                    if n % 7 == 0 {
                        cache.flush().unwrap();
                    }
                }
            });
        }
    });
    drop(caches);
    let cache = open(&folder);
    assert_eq!(cache.len(), 2000);
    for index in 0..4 {
        for n in 0..500_u32 {
            let number = index * 1000 + n;
            assert_eq!(
                cache.find(&key(number)),
                Some(number.to_be_bytes().to_vec())
            );
        }
    }
}

#[test]
fn what_others_can_write_is_not_used() {
    let (_temporary, folder) = folder();
    drop(open(&folder));
    let refused = || Cache::open(&folder, context(), &[]).unwrap_err();
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for wrong in [0o770, 0o707, 0o755] {
        set(&folder, wrong);
        assert!(matches!(refused(), CacheError::Open { mode, .. } if mode == wrong));
    }
    set(&folder, 0o700);
    set(&file_of(&folder), 0o644);
    assert!(matches!(refused(), CacheError::Open { mode: 0o644, .. }));
    fs::remove_file(file_of(&folder)).unwrap();
    let elsewhere = folder.join("elsewhere");
    fs::write(&elsewhere, b"").unwrap();
    symlink(&elsewhere, file_of(&folder)).unwrap();
    let path = file_of(&folder)
        .canonicalize()
        .unwrap()
        .with_file_name(context().file_name());
    assert_eq!(refused(), CacheError::Kind { path });

    let link = folder.with_file_name("link");
    symlink(&folder, &link).unwrap();
    let error = Cache::open(&link, context(), &[]).unwrap_err();
    assert_eq!(error, CacheError::Kind { path: link });
}

#[test]
fn nothing_is_kept_in_the_repository_that_is_judged() {
    let (temporary, folder) = folder();
    let judged = temporary.path().join("cache");
    let error = Cache::open(&folder, context(), &[&judged]).unwrap_err();
    let path = folder.canonicalize().unwrap();
    assert_eq!(error, CacheError::Inside { path });
}

#[test]
fn it_does_not_grow_for_ever() {
    let (_temporary, folder) = folder();
    drop(open(&folder));
    let old: Vec<PathBuf> = (0..MAX_FILES + 5)
        .map(|n| folder.join(format!("{n:032x}.verdicts")))
        .collect();
    for path in &old {
        fs::write(path, b"").unwrap();
    }
    drop(open(&folder));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), MAX_FILES);
    assert!(file_of(&folder).exists());

    let cache = open(&folder);
    cache.keep(key(1), &vec![0; MAX_VERDICT + 1]).unwrap();
    assert_eq!(cache.find(&key(1)), None);
    // A file of the largest size begins anew.
    cache.keep(key(2), b"old").unwrap();
    cache.flush().unwrap();
    {
        let mut state = cache.state();
        let limit = usize::try_from(MAX_FILE).unwrap();
        let record = MAX_VERDICT + LENGTH + KEY + DIGEST;
        let mut bytes = Vec::with_capacity(limit);
        for n in 0..limit / record {
            let key = key(u32::try_from(n).unwrap() + 10);
            let verdict = vec![7; MAX_VERDICT];
            bytes.extend_from_slice(&u32::try_from(MAX_VERDICT).unwrap().to_be_bytes());
            bytes.extend_from_slice(&key.0);
            bytes.extend_from_slice(&verdict);
            bytes.extend_from_slice(&digest_of(&key, &verdict));
        }
        state.file.write_all(&bytes).unwrap();
    }
    cache.keep(key(3), &vec![1; MAX_VERDICT]).unwrap();
    cache.keep(key(4), &vec![1; MAX_VERDICT]).unwrap();
    cache.flush().unwrap();
    let length = fs::metadata(file_of(&folder)).unwrap().len();
    assert!(length < 200 * 1024, "{length}");
    assert_eq!(cache.find(&key(4)), Some(vec![1; MAX_VERDICT]));
    assert_eq!(cache.find(&key(2)), None);
}
