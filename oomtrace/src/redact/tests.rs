use super::Redact;
use crate::{
    bytes::ByteString,
    context::{Prekill, PrekillProcess, Process, Snapshot},
    event::Event,
};

/// Command lines before and after, with `|` between the arguments.
const SECRETS: [(&str, &str); 62] = [
    ("app|--password=hunter2", "app|--password=[hidden]"),
    ("app|--password=two words & more", "app|--password=[hidden]"),
    ("app|--password|hunter2|-v", "app|--password|[hidden]|-v"),
    ("app|-password|hunter2", "app|-password|[hidden]"),
    ("app|--token|abc|run", "app|--token|[hidden]|run"),
    ("app|--api-key=abc", "app|--api-key=[hidden]"),
    ("app|--apiKey|abc", "app|--apiKey|[hidden]"),
    ("app|--client-secret=abc", "app|--client-secret=[hidden]"),
    ("app|--auth-token:abc", "app|--auth-token:[hidden]"),
    ("app|--passphrase|a b", "app|--passphrase|[hidden]"),
    ("app|--pass=x", "app|--pass=[hidden]"),
    ("app|--pwd|x", "app|--pwd|[hidden]"),
    ("app|--key=9f86d081884c7d659a2feaa0c55ad015", "app|--key=[hidden]"),
    ("app|--key|dGhpcyBpcyBhIGtleTE=", "app|--key|[hidden]"),
    (
        "java|-Dspring.datasource.password=x|-jar|a.jar",
        "java|-Dspring.datasource.password=[hidden]|-jar|a.jar",
    ),
    ("java|-Djavax.net.ssl.keyStorePassword=changeit", "java|-Djavax.net.ssl.keyStorePassword=[hidden]"),
    ("spark|--conf|spark.db.password=x y", "spark|--conf|spark.db.password=[hidden]"),
    ("docker|run|-e|MYSQL_ROOT_PASSWORD=x|mysql", "docker|run|-e|MYSQL_ROOT_PASSWORD=[hidden]|mysql"),
    ("env|SECRET=my pass|app", "env|SECRET=[hidden]|app"),
    ("env|STRIPE_KEY=x|KEY=y|app", "env|STRIPE_KEY=[hidden]|KEY=[hidden]|app"),
    ("app|--env=DB_PASSWORD=x", "app|--env=DB_PASSWORD=[hidden]"),
    ("mysql|-uroot|-pSECRET|db", "mysql|-uroot|-p[hidden]|db"),
    ("/usr/bin/mysqldump|-pSECRET", "/usr/bin/mysqldump|-p[hidden]"),
    ("mariadb|-psecret", "mariadb|-p[hidden]"),
    ("mongodump|-p|x|--db|a", "mongodump|-p|[hidden]|--db|a"),
    ("sshpass|-psecret|ssh|host", "sshpass|-p[hidden]|ssh|host"),
    ("sshpass|-p|secret|ssh|host", "sshpass|-p|[hidden]|ssh|host"),
    ("docker|login|-u|me|-p|secret", "docker|login|-u|me|-p|[hidden]"),
    ("redis-cli|-a|secret|ping", "redis-cli|-a|[hidden]|ping"),
    ("redis-server|--requirepass|secret", "redis-server|--requirepass|[hidden]"),
    ("unzip|-P|secret|a.zip", "unzip|-P|[hidden]|a.zip"),
    ("ldapsearch|-w|secret|-x", "ldapsearch|-w|[hidden]|-x"),
    ("curl|-u|me:secret|http://h/", "curl|-u|me:[hidden]|http://h/"),
    ("curl|-ume:secret", "curl|-ume:[hidden]"),
    ("curl|--user|me:secret", "curl|--user|me:[hidden]"),
    ("smbclient|-U|me%secret", "smbclient|-U|me%[hidden]"),
    ("curl|-H|Authorization: Bearer abc", "curl|-H|Authorization: [hidden]"),
    ("curl|-H|X-Api-Key: abc", "curl|-H|X-Api-Key: [hidden]"),
    ("curl|-H|Cookie: a=b; c=d", "curl|-H|Cookie: [hidden]"),
    ("openssl|rsa|-passin|pass:x", "openssl|rsa|-passin|pass:[hidden]"),
    ("psql|postgres://me:secret@db/shop", "psql|postgres://me:[hidden]@db/shop"),
    ("psql|--dbname=postgres://me:secret@db/shop", "psql|--dbname=postgres://me:[hidden]@db/shop"),
    ("app|redis://:se/cret@cache:6379", "app|redis://:[hidden]@cache:6379"),
    ("app|amqp://a:s@b:1/,amqp://a:t@c:1/", "app|amqp://a:[hidden]@b:1/,amqp://a:[hidden]@c:1/"),
    ("git|clone|https://0123456789abcdef0123@host/r", "git|clone|https://[hidden]@host/r"),
    ("app|root:secret@tcp(db:3306)/shop", "app|root:[hidden]@tcp(db:3306)/shop"),
    ("app|https://h/p?user=a&token=b&x=c", "app|https://h/p?user=a&token=[hidden]&x=c"),
    ("psql|host=db password=secret user=me", "psql|host=db password=[hidden] user=me"),
    ("curl|-d|{\"user\":\"a\",\"password\":\"b c\"}", "curl|-d|{\"user\":\"a\",\"password\":\"[hidden]\"}"),
    ("curl|-d|{\"password\": \"b c\", \"x\": 1}", "curl|-d|{\"password\": \"[hidden]\", \"x\": 1}"),
    ("sh|-c|exec app --password hunter2 -v", "sh|-c|exec app --password [hidden] -v"),
    ("sh|-c|cd /x && mysql -psecret db", "sh|-c|cd /x && mysql -p[hidden] db"),
    ("sh|-c|app --password='two words' -v", "sh|-c|app --password='[hidden]' -v"),
    ("sh|-c|sh -c 'mysql -psecret' now", "sh|-c|sh -c 'mysql -p[hidden]' now"),
    ("app|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl", "app|[hidden]"),
    ("aws|AKIAIOSFODNN7EXAMPLE", "aws|[hidden]"),
    ("app|--id=AKIAIOSFODNN7EXAMPLE", "app|--id=[hidden]"),
    ("app|ghp_0123456789abcdefghij0123456789abcdef", "app|[hidden]"),
    ("app|--header|xoxb-123456789012-abcdef", "app|--header|[hidden]"),
    ("app|-----BEGIN PRIVATE KEY-----\nMIIE\n-----END", "app|[hidden]"),
    ("worker: token=abc busy", "worker: token=[hidden] busy"),
    ("app|Bearer|0123456789abcdef0123", "app|Bearer|[hidden]"),
];

/// Command lines without a secret.
const OPEN: [&str; 40] = [
    "app|--password-file=/run/secrets/db",
    "app|--password-stdin",
    "app|--token-ttl|60",
    "app|--secret-name=tls",
    "app|--max-tokens=4096",
    "app|--max-tokens|4096",
    "app|--tokenizer|bert",
    "app|--passes=3",
    "app|--bypass=1",
    "app|--key=2",
    "sort|--key|2,3",
    "nginx|--key=/etc/ssl/private/server.key",
    "app|--keyspace=a",
    "app|--monkey=0123456789abcdef0",
    "app|--use-password=false",
    "app|--password",
    "app|--password|--verbose",
    "ssh|-p|2222|host",
    "nc|-p2222",
    "docker|run|-p8080:80|nginx",
    "mkdir|-p|/a/b",
    "mysql|-P3306|-hdb",
    "curl|http://host:8080/a@b",
    "curl|https://user@host/",
    "scp|me@host:/a/b|/c",
    "git|clone|git@github.com:a/b.git",
    "podman|run|nginx:1.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "app|PWD=/home/me",
    "app|vault:secret://a/b",
    "postgres: app appdb 10.0.0.5(4242) SELECT",
    "nginx: worker process",
    "java|-Xmx512m|-cp|/a:/b|Main",
    "python3|-m|http.server|8000",
    "app|0123456789abcdef0123456789abcdef",
    "app|sk-short",
    "app|eyJ",
    "sh|-c|don't do that --verbose 1",
    "app|--author=me",
    "find|/|-name|password",
    "app|",
];

fn shown(redact: Redact, line: &[u8]) -> Vec<u8> {
    let words = line.split(|byte| *byte == b'|').map(|word| ByteString::from(word.to_vec()));
    let mut event = Event::Process(Process {
        pid: 1,
        tid: 1,
        start_boot_ns: None,
        cmdline: Some(words.collect()),
        exe: None,
        looked_up_ns: 0,
    });
    redact.event(&mut event);
    let Event::Process(Process { cmdline: Some(cmdline), .. }) = event else { return Vec::new() };
    let words: Vec<&[u8]> = cmdline.iter().map(ByteString::as_bytes).collect();
    words.join(&b'|')
}

fn secrets(line: &str) -> String {
    String::from_utf8(shown(Redact::Secrets, line.as_bytes())).unwrap()
}

#[test]
fn hides_values_that_look_like_secrets() {
    let wrong: Vec<_> = SECRETS.iter().filter(|(line, expected)| secrets(line) != *expected).collect();
    let hidden: Vec<String> = wrong.iter().map(|(line, _)| secrets(line)).collect();
    assert!(wrong.is_empty(), "{wrong:#?} are {hidden:#?}");
}

#[test]
fn leaves_all_other_words_unchanged() {
    let wrong: Vec<_> =
        OPEN.iter().filter(|line| secrets(line) != **line).map(|line| secrets(line)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (line, _) in SECRETS {
        assert_eq!(shown(Redact::Nothing, line.as_bytes()), line.as_bytes());
    }
}

#[test]
fn leaves_hidden_values_unchanged() {
    for (_, line) in SECRETS {
        assert_eq!(secrets(line), line);
    }
}

#[test]
fn hides_titles_with_secrets_and_titles() {
    let share = |line: &str| shown(Redact::SecretsAndTitles, line.as_bytes());
    assert_eq!(share("postgres: app appdb SELECT||"), b"[hidden]");
    assert_eq!(share("app|--token|x"), b"app|--token|[hidden]");
    assert_eq!(share("sleep|60"), b"sleep|60");
}

#[test]
fn accepts_any_bytes() {
    let mut state = 7_u64;
    let alphabet = b"ab=:-|'\"@/ .{}&;\xff\0pAKI";
    for length in 0..2000 {
        let mut line = b"sh|".to_vec();
        for _ in 0..length % 97 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            line.push(alphabet[usize::try_from(state >> 33).unwrap() % alphabet.len()]);
        }
        line.extend(b"|--password=hunter2");
        let shown = shown(Redact::Secrets, &line);
        assert!(!shown.windows(7).any(|window| window == b"hunter2"), "{}", line.escape_ascii());
    }
}

#[test]
fn hides_secrets_of_processes_that_were_alive_before_a_kill() {
    let words = ["app", "--token", "abc"].map(ByteString::from).to_vec();
    let process = PrekillProcess { cmdline: Some(words.clone()), ..PrekillProcess::default() };
    let snapshot = Snapshot { processes: vec![process], ..Snapshot::default() };
    let told = || Event::Prekill(Prekill { snapshot: Some(snapshot.clone()), ..Prekill::default() });
    let shown = |redact: Redact| {
        let mut event = told();
        redact.event(&mut event);
        let Event::Prekill(prekill) = event else { panic!("{event:?}") };
        prekill.snapshot.unwrap().processes[0].cmdline.clone().unwrap()
    };
    assert_eq!(shown(Redact::Nothing), words);
    assert_eq!(shown(Redact::Secrets)[2], "[hidden]".into());
}
