//! The console is served at `/`, under a policy that lets it run only what came with the binary.

use crate::harness::{Reply, Server};

/// The addresses in `src="…"` and `href="…"`.
fn links(page: &str) -> Vec<String> {
    let after = |key: &str| {
        page.split(&format!("{key}=\""))
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    [after("src"), after("href")].concat()
}

fn directives(reply: &Reply) -> Vec<(String, Vec<String>)> {
    let policy = reply.header("content-security-policy").unwrap_or_else(|| panic!("no policy in {:?}", reply.headers));
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    policy.split(';').map(words).filter(|w| !w.is_empty()).map(|w| (w[0].clone(), w[1..].to_vec())).collect()
}

#[test]
fn the_page_is_served_at_the_root_and_on_its_own_routes() {
    let server = Server::start();
    let page = server.get("/");
    assert_eq!((page.status, page.header("content-type").map(|t| t.starts_with("text/html"))), (200, Some(true)));
    for path in ["/data", "/explore?dataset=a"] {
        assert_eq!(server.get(path).body, page.body, "{path}");
    }
    for link in links(&page.text()) {
        assert!(link.starts_with('/'), "{link} is elsewhere");
        let file = server.get(&link);
        assert_eq!(file.status, 200, "{link}");
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"), "{link}");
    }
    super::refused(&server.get("/assets/missing.js"), 404);
}

#[test]
fn the_policy_is_strict_and_the_page_has_no_inline_script() {
    let server = Server::start();
    let page = server.get("/");
    let directives = directives(&page);
    let of = |name: &str| directives.iter().find(|(n, _)| n == name).map(|(_, values)| values.join(" "));
    assert_eq!(of("default-src").as_deref(), Some("'none'"));
    assert_eq!(of("script-src").as_deref(), Some("'self'"));
    assert_eq!(of("frame-ancestors").as_deref(), Some("'none'"));
    assert_eq!(of("base-uri").as_deref(), Some("'none'"));
    for (name, values) in &directives {
        let lax = values.iter().find(|v| v.starts_with("'unsafe") || v.contains('*') || v.starts_with("http"));
        assert_eq!(lax, None, "{name} is lax");
    }
    for script in page.text().split("<script").skip(1) {
        let (tag, rest) = script.split_once('>').unwrap();
        assert!(tag.contains("src="), "an inline script: {tag}");
        assert!(rest.trim_start().starts_with("</script>"), "a script with text: {tag}");
    }
    let text = page.text().to_lowercase();
    assert!(![" onload=", " onclick=", " onerror=", "javascript:"].iter().any(|bad| text.contains(bad)), "{text}");
}

#[test]
fn nothing_outside_of_the_files_is_served() {
    let server = Server::start();
    for path in [
        "/../Cargo.toml",
        "/..%2fCargo.toml",
        "/%2e%2e/Cargo.toml",
        "/assets/../../Cargo.toml",
        "//etc/passwd",
        "/etc/passwd.txt",
    ] {
        let reply = server.get(path);
        let text = reply.text();
        assert!(!text.contains("[package]") && !text.contains("root:"), "{path}: {text:.200}");
    }
}
