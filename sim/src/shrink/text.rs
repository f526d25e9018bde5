//! A scenario as a file that a person can read: without what is so anyway.

use scenarios::Scenario;

/// The scenario as TOML text without the lines that say what is so by default. Reading it gives the
/// same scenario.
#[must_use]
pub fn readable(scenario: &Scenario) -> String {
    let digest = scenario.digest();
    let is_same = |text: &str| Scenario::parse(text, &[]).is_ok_and(|read| read.digest() == digest);
    let mut tables = tables_of(&scenario.to_toml());
    for place in (0..tables.len()).rev() {
        let table = tables.remove(place);
        if is_same(&text_of(&tables)) {
            continue;
        }
        tables.insert(place, table);
        for line in (0..tables[place].lines.len()).rev() {
            let gone = tables[place].lines.remove(line);
            if !is_same(&text_of(&tables)) {
                tables[place].lines.insert(line, gone);
            }
        }
    }
    text_of(&tables)
}

/// A header with the lines below it.
struct Table {
    header: String,
    lines: Vec<String>,
}

fn tables_of(text: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match tables.last_mut() {
            Some(table) if !line.starts_with('[') => table.lines.push(line.to_owned()),
            _ => tables.push(Table { header: line.to_owned(), lines: Vec::new() }),
        }
    }
    tables
}

fn text_of(tables: &[Table]) -> String {
    let text = |table: &Table| {
        let lines = table.lines.iter().map(|line| format!("{line}\n"));
        format!("{}\n{}", table.header, lines.collect::<String>())
    };
    tables.iter().map(text).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use scenarios::Scenario;

    use super::readable;
    use crate::world::small::cluster;

    #[test]
    fn a_readable_text_is_the_same_scenario_in_fewer_lines() {
        let fault = "[[fault]]\nkind = \"broker-kill\"\ntarget = \"broker:1\"\nat = \"1s\"\n";
        let scenario = Scenario::parse(&cluster((3, 3), 2, 20, fault), &[]).expect("a scenario");
        let text = readable(&scenario);
        let read = Scenario::parse(&text, &[]).expect("it can be read");
        assert_eq!(read, scenario);
        assert!(text.lines().count() * 3 < scenario.to_toml().lines().count(), "{text}");
        assert!(text.contains("kind = \"broker-kill\"") && !text.contains("chance"), "{text}");
    }
}
