//! Keys and sessions as their callers know them, also when another process has the file open.

use std::os::unix::fs::PermissionsExt;

use super::*;

const NOW: i64 = 1_767_225_600_000_000_000;
const SECOND: i64 = 1_000_000_000;

struct Bench {
    directory: tempfile::TempDir,
    workspace: Workspace,
}

impl Bench {
    fn new() -> Bench {
        let directory = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(&directory.path().join("data/workspace.sqlite")).unwrap();
        Bench { directory, workspace }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("data/workspace.sqlite")
    }

    /// The same file, as another process has it open.
    fn other(&self) -> Workspace {
        Workspace::open(&self.path()).unwrap()
    }

    fn image(&self) -> Arc<Image> {
        self.workspace.image().unwrap()
    }

    fn create(&self, grants: &[&str]) -> (Key, Secret) {
        let grants: Vec<Grant> = grants.iter().map(|g| g.parse().unwrap()).collect();
        self.workspace.create_key("somebody", &grants, KeyLimits::default(), NOW).unwrap()
    }

    /// Every byte that is kept, SQLite's own files included.
    fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.directory.path().join("data")).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_key_is_found_by_its_text_and_by_nothing_like_it() {
    let bench = Bench::new();
    let (key, secret) = bench.create(&["query"]);
    let text = secret.reveal();
    assert_eq!((text.len(), text.starts_with("outcrop_")), (51, true));
    let image = bench.image();
    assert_eq!(image.key(text).unwrap().id, key.id);
    let long = format!("{text}{}", "x".repeat(100));
    for wrong in ["", "outcrop_", &text[1..], &text[..50], &text.to_uppercase(), &long, &format!("{text} "), &key.id] {
        assert!(image.key(wrong).is_none(), "{wrong:?}");
    }
    assert!(image.session(text, NOW).is_none(), "a key is no session");
}

#[test]
fn no_two_keys_are_alike() {
    let bench = Bench::new();
    let made: Vec<(Key, Secret)> = (0..50).map(|_| bench.create(&["query"])).collect();
    let distinct = |values: Vec<&str>| values.into_iter().collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!(distinct(made.iter().map(|(key, _)| key.id.as_str()).collect()), 50);
    assert_eq!(distinct(made.iter().map(|(_, secret)| secret.reveal()).collect()), 50);
}

#[test]
fn secrets_are_kept_nowhere() {
    let bench = Bench::new();
    let (key, secret) = bench.create(&["query"]);
    let session = bench.workspace.create_session(&key.id, NOW).unwrap();
    let bytes = bench.bytes();
    assert!(holds(&bytes, key.id.as_bytes()), "what is kept is found");
    for secret in [&secret, &session] {
        let text = secret.reveal().trim_start_matches("outcrop_");
        assert!(!holds(&bytes, text.as_bytes()) && !holds(&bytes, &text.as_bytes()[..20]));
        assert!(!format!("{secret:?}").contains(text));
    }
}

#[test]
fn only_the_owner_may_read_the_file() {
    let bench = Bench::new();
    bench.create(&["query"]);
    for file in std::fs::read_dir(bench.directory.path().join("data")).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
}

#[test]
fn scopes_are_written_as_they_are_read() {
    for (text, reads) in [
        ("query", Some("query")),
        ("ingest:shop", Some("ingest:shop")),
        ("admin: Web ,shop,web", Some("admin:shop,web")),
        ("Query", None),
        ("", None),
        ("query:", None),
        ("query:a,,b", None),
        ("query:*", None),
        ("query:a/b", None),
        ("owner", None),
    ] {
        let grant = text.parse::<Grant>().map_err(WorkspaceError::Invalid);
        let scopes = grant.and_then(|grant| Scopes::new(&[grant]));
        let written = scopes.ok().map(|scopes| scopes.grants()[0].to_string());
        assert_eq!(written.as_deref(), reads, "{text:?}");
    }
}

#[test]
fn scopes_that_say_nothing_or_too_much_are_refused() {
    let query = Grant { scope: Scope::Query, datasets: None };
    let names = |count: usize| Grant { scope: Scope::Query, datasets: Some(vec!["shop".to_owned(); count]) };
    for grants in [vec![], vec![query.clone(), query.clone()], vec![names(0)], vec![names(101)]] {
        assert!(matches!(Scopes::new(&grants), Err(WorkspaceError::Invalid(_))), "{grants:?}");
    }
    assert!(Scopes::new(&[names(100)]).is_ok());
}

#[test]
fn a_scope_reaches_what_it_names() {
    let bench = Bench::new();
    let (_, secret) = bench.create(&["ingest", "query:shop,web"]);
    let image = bench.image();
    let scopes = &image.key(secret.reveal()).unwrap().scopes;
    let name = |text| outcrop_storage::event::DatasetName::new(text).unwrap();
    assert!(scopes.reach(Scope::Ingest).unwrap().includes(&name("anything")));
    let query = scopes.reach(Scope::Query).unwrap();
    assert!(query.includes(&name("SHOP")) && query.includes(&name("web")) && !query.includes(&name("shop2")));
    assert_eq!(scopes.reach(Scope::Admin), None);
}

#[test]
fn names_are_refused_that_name_nobody() {
    let bench = Bench::new();
    let query = [Grant { scope: Scope::Query, datasets: None }];
    for name in ["", " ", "a\nb", &"x".repeat(201)] {
        let made = bench.workspace.create_key(name, &query, KeyLimits::default(), NOW);
        assert!(matches!(made, Err(WorkspaceError::Invalid(_))), "{name:?}");
    }
    assert_eq!(bench.workspace.create_key(" ci ", &query, KeyLimits::default(), NOW).unwrap().0.name, "ci");
}

#[test]
fn a_revoked_key_ends_at_once_with_its_sessions_and_is_remembered() {
    let bench = Bench::new();
    assert!(bench.image().is_keyless());
    let (key, secret) = bench.create(&["query"]);
    let (_, kept) = bench.create(&["query"]);
    let session = bench.workspace.create_session(&key.id, NOW).unwrap();
    assert_eq!(bench.image().session(session.reveal(), NOW).unwrap().id, key.id);
    let revoked = bench.workspace.revoke_key(&key.id, Some(1), NOW + SECOND).unwrap();
    assert_eq!((revoked.revision, revoked.revoked), (2, Some(NOW + SECOND)));
    let image = bench.image();
    assert!(image.key(secret.reveal()).is_none() && image.session(session.reveal(), NOW).is_none());
    assert!(image.key(kept.reveal()).is_some());
    assert!(matches!(bench.workspace.create_session(&key.id, NOW), Err(WorkspaceError::NoKey(_))));
    assert_eq!(bench.workspace.revoke_key(&key.id, None, NOW + 2 * SECOND).unwrap(), revoked, "once is enough");
}

#[test]
fn a_store_that_had_keys_is_never_keyless_again() {
    let bench = Bench::new();
    let (key, _) = bench.create(&["query"]);
    bench.workspace.revoke_key(&key.id, None, NOW).unwrap();
    assert!(!bench.image().is_keyless() && !bench.image().has_key());
    assert!(!bench.other().image().unwrap().is_keyless());
}

#[test]
fn who_is_late_does_not_revoke_what_they_have_not_seen() {
    let bench = Bench::new();
    let (key, secret) = bench.create(&["query"]);
    assert!(matches!(bench.workspace.revoke_key(&key.id, Some(7), NOW), Err(WorkspaceError::Changed)));
    assert!(matches!(bench.workspace.revoke_key("nobody", None, NOW), Err(WorkspaceError::NoKey(_))));
    assert!(bench.image().key(secret.reveal()).is_some());
}

#[test]
fn what_another_process_does_counts_with_the_next_request() {
    let bench = Bench::new();
    let server = bench.other();
    assert!(server.image().unwrap().is_keyless());
    let (key, secret) = bench.create(&["query"]);
    assert!(server.image().unwrap().key(secret.reveal()).is_some());
    let again = server.image().unwrap();
    assert!(Arc::ptr_eq(&again, &server.image().unwrap()), "nothing is read twice");
    bench.workspace.revoke_key(&key.id, None, NOW).unwrap();
    assert!(server.image().unwrap().key(secret.reveal()).is_none());
}

#[test]
fn sessions_end_with_their_time_or_when_they_are_told_to() {
    let bench = Bench::new();
    let (key, _) = bench.create(&["query"]);
    let open = || bench.workspace.create_session(&key.id, NOW).unwrap();
    let (first, second) = (open(), open());
    let end = NOW + SESSION_SECONDS * SECOND;
    assert!(bench.image().session(first.reveal(), end - 1).is_some());
    assert!(bench.image().session(first.reveal(), end).is_none());
    bench.workspace.end_session(first.reveal()).unwrap();
    bench.workspace.end_session("nonsense").unwrap();
    assert!(bench.image().session(first.reveal(), NOW).is_none());
    assert!(bench.image().session(second.reveal(), NOW).is_some());
    bench.workspace.create_session(&key.id, end).unwrap();
    let kept = sessions::load(&bench.workspace.writer()).unwrap();
    assert_eq!(kept.len(), 1, "what has ended is not kept");
}

#[test]
fn keys_do_not_grow_without_bound() {
    let bench = Bench::new();
    let insert = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                  INSERT INTO keys SELECT ?2 || i, CAST(printf('%032d', ?3 + i) AS BLOB), 'x',
                  '[{\"scope\":\"query\"}]', 1, 0, NULL, ?4 FROM n";
    let fill = |count: i64, prefix: &str, from: i64, revoked: Option<i64>| {
        bench.workspace.writer().execute(insert, rusqlite::params![count, prefix, from, revoked]).unwrap();
    };
    fill(limits::KEYS_MAX - 1, "live", 0, None);
    fill(limits::KEYS_REVOKED_MAX, "gone", 10_000, Some(1));
    let (key, _) = bench.create(&["query"]);
    let refused = bench.workspace.create_key("one more", &key.scopes.grants(), KeyLimits::default(), NOW);
    assert!(matches!(refused, Err(WorkspaceError::TooManyKeys(_))));
    bench.workspace.revoke_key(&key.id, None, NOW).unwrap();
    let revoked = bench.workspace.keys().unwrap().into_iter().filter(|key| key.revoked.is_some());
    assert_eq!(revoked.clone().count() as i64, limits::KEYS_REVOKED_MAX);
    assert!(revoked.map(|k| k.id).any(|id| id == key.id), "the newest are remembered");
}

#[test]
fn a_key_keeps_its_limits_and_they_go_with_it() {
    let bench = Bench::new();
    let (plain, _) = bench.create(&["query"]);
    assert!(plain.limits.is_none() && bench.workspace.key(&plain.id).unwrap().limits.is_none());
    let make = |limits| bench.workspace.create_key("limited", &plain.scopes.grants(), limits, NOW);
    for limits in [
        KeyLimits { requests_per_second: Some(3), events_per_second: None },
        KeyLimits { requests_per_second: None, events_per_second: Some(limits::KEY_PER_SECOND_MAX) },
    ] {
        let (key, secret) = make(limits).unwrap();
        assert_eq!((key.limits, bench.workspace.key(&key.id).unwrap().limits), (limits, limits));
        assert_eq!(bench.image().key(secret.reveal()).unwrap().limits, limits);
        bench.workspace.revoke_key(&key.id, None, NOW).unwrap();
    }
    for limit in [0, limits::KEY_PER_SECOND_MAX + 1] {
        let limits = KeyLimits { requests_per_second: Some(limit), events_per_second: None };
        assert!(matches!(make(limits), Err(WorkspaceError::Invalid(_))));
    }
}

#[test]
fn use_is_noted_now_and_then() {
    let bench = Bench::new();
    let (key, secret) = bench.create(&["query"]);
    let image = bench.image();
    let identity = image.key(secret.reveal()).unwrap();
    assert!(identity.wants_note(NOW));
    assert!(!identity.wants_note(NOW + SECOND), "by one of those who ask");
    bench.workspace.note_used(&key.id, NOW).unwrap();
    let image = bench.image();
    let identity = image.key(secret.reveal()).unwrap();
    assert!(!identity.wants_note(NOW + 299 * SECOND));
    assert!(identity.wants_note(NOW + 300 * SECOND));
    assert_eq!(bench.workspace.key(&key.id).unwrap().last_used, Some(NOW));
    assert_eq!(bench.workspace.key(&key.id).unwrap().revision, 1, "use is no change");
}

#[test]
fn a_file_of_another_format_is_refused() {
    let bench = Bench::new();
    bench.workspace.writer().execute("UPDATE meta SET value = '7' WHERE key = 'format_version'", []).unwrap();
    let opened = Workspace::open(&bench.path());
    assert!(matches!(opened, Err(WorkspaceError::UnknownFormat { version, .. }) if version == "7"));
}

/// The tables drawn in the format document are those that are made.
#[test]
fn the_format_document_has_every_table_and_column() {
    let drawing = include_str!("../format/workspace.md").split("```text\n").nth(1).unwrap();
    let drawn = drawing.split("```").next().unwrap().lines().map(|line| {
        let (table, columns) = line.split_once(' ').unwrap();
        (table.to_owned(), columns.split(',').map(|column| column.trim().to_owned()).collect::<Vec<_>>())
    });
    let bench = Bench::new();
    let writer = bench.workspace.writer();
    for (table, columns) in drawn {
        let mut statement = writer.prepare("SELECT name FROM pragma_table_info(?)").unwrap();
        let made: Vec<String> = statement.query_map([&table], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(made, columns, "{table}");
    }
}
