use super::*;

fn id(kind: TileKind, index: u64, width: u16) -> TileId {
    TileId::new(kind, index, width).unwrap()
}

#[test]
fn paths_are_written_and_read() {
    let hashes = |level| TileKind::Hashes { level };
    for (id, path) in [
        (id(hashes(0), 0, 256), "tile/0/000"),
        (id(hashes(3), 999, 1), "tile/3/999.p/1"),
        (id(hashes(0), 1000, 256), "tile/0/x001/000"),
        (
            id(TileKind::Entries, 1_234_067, 255),
            "tile/entries/x001/x234/067.p/255",
        ),
        (
            id(TileKind::Data, 12_034_567, 256),
            "tile/data/x012/x034/567",
        ),
        (
            id(hashes(63), u64::MAX, 2),
            "tile/63/x018/x446/x744/x073/x709/x551/615.p/2",
        ),
    ] {
        assert_eq!(id.to_string(), path);
        assert_eq!(path.parse(), Ok(id));
    }
}

#[test]
fn only_one_spelling_of_a_path_is_read() {
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/+1/000",
        "tile/64/000",
        "tile/256/000",
        "tile/0/001/000",
        "tile/0/x000/001",
        "tile/0/x001/x000",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/../000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/x/000",
    ] {
        assert_eq!(path.parse::<TileId>(), Err(TileError::Path), "{path}");
    }
    assert_eq!(
        "tile/0/000.p/0".parse::<TileId>(),
        Err(TileError::Width { found: 0 })
    );
    assert_eq!(
        "tile/0/000.p/300".parse::<TileId>(),
        Err(TileError::Width { found: 300 })
    );
}

#[test]
fn a_log_has_the_tiles_that_its_size_says() {
    let level = |level| TileKind::Hashes { level };
    let path = |kind, index, size| TileId::of_log(kind, index, size).map(|id| id.to_string());
    let size = 256 * 256 + 3 * 256 + 5;
    assert_eq!(path(level(0), 0, size).unwrap(), "tile/0/000");
    assert_eq!(
        path(TileKind::Entries, 259, size).unwrap(),
        "tile/entries/259.p/5"
    );
    assert_eq!(path(level(0), 260, size), None);
    assert_eq!(path(level(1), 1, size).unwrap(), "tile/1/001.p/3");
    assert_eq!(path(level(2), 0, size).unwrap(), "tile/2/000.p/1");
    assert_eq!(path(level(3), 0, size), None);
    assert_eq!(path(level(0), u64::MAX, size), None);
    assert_eq!(path(level(0), 0, 0), None);
}

#[test]
fn bundles_are_packed_and_split() {
    let entries: [&[u8]; 3] = [b"one", b"", &[7; 65_535]];
    let mut bundle = Vec::new();
    for entry in entries {
        push_entry(&mut bundle, entry).unwrap();
    }
    assert_eq!(split_entries(&bundle, 3), Ok(entries.to_vec()));
    assert_eq!(split_entries(&bundle, 4), Err(TileError::Truncated));
    assert_eq!(
        split_entries(&bundle, 2),
        Err(TileError::TrailingBytes { found: 65_537 })
    );
    assert_eq!(
        split_entries(&bundle[..bundle.len() - 1], 3),
        Err(TileError::Truncated)
    );
    assert_eq!(
        push_entry(&mut bundle, &[0; 65_536]),
        Err(TileError::EntryTooLong { found: 65_536 })
    );
}

#[test]
fn hash_tiles_have_exactly_their_width() {
    let tile = [[1; 32], [2; 32]];
    assert_eq!(unpack_hashes(tile.as_flattened(), 2), Ok(tile.to_vec()));
    for (bytes, width) in [(64, 1), (64, 3), (63, 2), (0, 1)] {
        assert_eq!(
            unpack_hashes(&vec![0; bytes], width),
            Err(TileError::Length {
                expected: usize::from(width) * 32,
                found: bytes
            })
        );
    }
}
