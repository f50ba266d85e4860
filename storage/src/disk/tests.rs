//! The failing disk must fail as promised, or every test that stands on it proves nothing.

use super::*;

#[test]
fn a_power_cut_takes_back_what_was_not_synced() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FailingDisk::new();
    let (kept, cut, gone) = (dir.path().join("kept"), dir.path().join("cut"), dir.path().join("gone"));
    for path in [&kept, &cut] {
        let mut file = disk.create(path).unwrap();
        file.write_all(b"durable").unwrap();
        file.sync().unwrap();
        if path == &cut {
            file.write_all(b" and not").unwrap();
        }
    }
    disk.sync_directory(dir.path()).unwrap();
    disk.create(&gone).unwrap().sync().unwrap();
    disk.cut_power().unwrap();
    assert_eq!(disk.read(&kept).unwrap(), b"durable");
    assert_eq!(disk.read(&cut).unwrap(), b"durable");
    assert!(!gone.exists());
}

#[test]
fn faults_hit_the_chosen_operation_once() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FailingDisk::new();
    let path = dir.path().join("file");
    let mut file = disk.create(&path).unwrap();
    disk.fault(0, Fault::Torn);
    disk.fault(1, Fault::Full);
    assert!(file.write_all(b"12345678").is_err());
    assert_eq!(file.sync().unwrap_err().kind(), io::ErrorKind::StorageFull);
    file.write_all(b"rest").unwrap();
    assert_eq!(disk.read(&path).unwrap(), b"1234rest");
}

#[test]
fn the_device_gives_what_was_written() {
    let bytes: Vec<u8> = (0..200_000u32).map(|n| (n * 31 % 251) as u8).collect();
    for directory in [Some(tempfile::tempdir().unwrap()), tempfile::tempdir_in("/dev/shm").ok()].into_iter().flatten() {
        let path = directory.path().join("file");
        let mut file = RealDisk.create(&path).unwrap();
        file.write_all(&bytes).unwrap();
        file.sync().unwrap();
        for (offset, length) in [(0, 200_000), (0, 1), (65_536, 65_536), (4_095, 2), (199_999, 1), (1, 199_999), (7, 0)]
        {
            let read = RealDisk.read_device(&path, offset as u64, length).unwrap();
            assert!(read == bytes[offset..offset + length], "{length} bytes from {offset}");
        }
        let beyond = RealDisk.read_device(&path, 199_999, 2);
        assert_eq!(beyond.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(
            RealDisk.read_device(&directory.path().join("none"), 0, 1).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
}

#[test]
fn a_capacity_is_that_of_all_files_together() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FailingDisk::new();
    disk.set_capacity(Some(10));
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    disk.create(&one).unwrap().write_all(b"123456").unwrap();
    assert_eq!(disk.space(dir.path()).unwrap(), Space { total_bytes: 10, available_bytes: 4 });
    let mut file = disk.create(&two).unwrap();
    assert_eq!(file.write_all(b"123456").unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.read(&two).unwrap(), b"1234", "as much as there is room for, like a real one");
    disk.remove(&one).unwrap();
    file.write_all(b"56").unwrap();
    assert_eq!(disk.space(dir.path()).unwrap().available_bytes, 4);
    disk.set_capacity(None);
    assert_eq!(disk.space(dir.path()).unwrap().total_bytes, RealDisk.space(dir.path()).unwrap().total_bytes);
}
