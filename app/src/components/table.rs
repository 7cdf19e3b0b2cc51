//! Tables that sort by links, with their state in the address, named row checkboxes, a caption and
//! an empty state that says what to do.

use leptos::prelude::*;

use super::Query;

/// A column: its heading, and by what key it sorts, if it does.
#[derive(Clone, Debug)]
pub struct Column {
    label: String,
    sort: Option<&'static str>,
    is_number: bool,
}

impl Column {
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), sort: None, is_number: false }
    }

    /// Sortable; the address carries `sort={key}` or `sort=-{key}`.
    #[must_use]
    pub const fn sort(mut self, key: &'static str) -> Self {
        self.sort = Some(key);
        self
    }

    /// Right-aligned figures.
    #[must_use]
    pub const fn number(mut self) -> Self {
        self.is_number = true;
        self
    }
}

/// A row. Its first cell is its heading.
#[derive(Default)]
pub struct Row {
    cells: Vec<AnyView>,
    checkbox: Option<RowCheckbox>,
    id: Option<String>,
    class: Option<&'static str>,
}

struct RowCheckbox {
    value: String,
    label: String,
    checked: bool,
}

impl Row {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn cell(mut self, cell: impl IntoView + 'static) -> Self {
        self.cells.push(cell.into_any());
        self
    }

    /// `label` names the row for a screen reader: "Include Maria Lopez, $82.00".
    #[must_use]
    pub fn checkbox(
        mut self,
        value: impl Into<String>,
        label: impl Into<String>,
        checked: bool,
    ) -> Self {
        self.checkbox = Some(RowCheckbox { value: value.into(), label: label.into(), checked });
        self
    }

    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// `marked` for the row a link was about, `muted` for what no longer counts.
    #[must_use]
    pub const fn class(mut self, class: &'static str) -> Self {
        self.class = Some(class);
        self
    }
}

pub struct Table {
    caption: String,
    is_caption_seen: bool,
    columns: Vec<Column>,
    rows: Vec<Row>,
    /// The path and state that heading links keep, and the sorting in force.
    sorting: Option<(String, Query, String)>,
    /// The field name of the row checkboxes, and the heading of their column.
    checkboxes: Option<(&'static str, AnyView)>,
    empty: Option<AnyView>,
    foot: Option<Row>,
}

impl Table {
    pub fn new(caption: impl Into<String>, columns: Vec<Column>) -> Self {
        Self {
            caption: caption.into(),
            is_caption_seen: false,
            columns,
            rows: Vec::new(),
            sorting: None,
            checkboxes: None,
            empty: None,
            foot: None,
        }
    }

    /// Shows the caption, where no heading says it already.
    #[must_use]
    pub const fn caption_seen(mut self) -> Self {
        self.is_caption_seen = true;
        self
    }

    #[must_use]
    pub fn rows(mut self, rows: Vec<Row>) -> Self {
        self.rows = rows;
        self
    }

    /// Makes headings links to `path` with the rest of `query` kept and the page reset. `default`
    /// is the order in force when the address names none: `due` or `-due`.
    #[must_use]
    pub fn sorted(mut self, path: &str, query: &Query, default: &str) -> Self {
        let in_force = query.get("sort").unwrap_or(default).to_owned();
        self.sorting = Some((path.to_owned(), query.without(&["page", "sort"]), in_force));
        self
    }

    /// The rows' checkboxes send `name={row value}`; `heading` names their column.
    #[must_use]
    pub fn checkboxes(mut self, name: &'static str, heading: impl IntoView + 'static) -> Self {
        self.checkboxes = Some((name, heading.into_any()));
        self
    }

    /// Stands in place of the table when there is no row.
    #[must_use]
    pub fn empty(mut self, view: impl IntoView + 'static) -> Self {
        self.empty = Some(view.into_any());
        self
    }

    /// A row of totals.
    #[must_use]
    pub fn foot(mut self, row: Row) -> Self {
        self.foot = Some(row);
        self
    }

    pub fn view(self) -> AnyView {
        if self.rows.is_empty()
            && let Some(empty) = self.empty
        {
            return view! { <div class="empty">{empty}</div> }.into_any();
        }
        let sorting = self.sorting;
        let headings: Vec<AnyView> =
            self.columns.iter().map(|column| heading(column, sorting.as_ref())).collect();
        let name = self.checkboxes.as_ref().map(|(name, _)| *name);
        let select = self
            .checkboxes
            .map(|(_, heading)| view! { <th scope="col" class="pick">{heading}</th> });
        let numbers: Vec<bool> = self.columns.iter().map(|column| column.is_number).collect();
        let rows: Vec<AnyView> =
            self.rows.into_iter().map(|row| row_view(row, name, &numbers)).collect();
        let foot = self.foot.map(|row| {
            let row = row_view(row, name, &numbers);
            view! { <tfoot>{row}</tfoot> }
        });
        let caption = self.caption.clone();
        let caption_class = if self.is_caption_seen { None } else { Some("unseen") };
        view! {
            <div class="table-frame" role="region" aria-label=caption tabindex="0">
                <table>
                    <caption class=caption_class>{self.caption}</caption>
                    <thead>
                        <tr>{select}{headings}</tr>
                    </thead>
                    <tbody>{rows}</tbody>
                    {foot}
                </table>
            </div>
        }
        .into_any()
    }
}

renders!(Table);

fn heading(column: &Column, sorting: Option<&(String, Query, String)>) -> AnyView {
    let class = column.is_number.then_some("number");
    let label = column.label.clone();
    let (Some(key), Some((path, query, in_force))) = (column.sort, sorting) else {
        return view! { <th scope="col" class=class>{label}</th> }.into_any();
    };
    let (order, next, arrow) = match in_force.strip_prefix('-') {
        Some(rest) if rest == key => (Some("descending"), key.to_owned(), "▼"),
        None if in_force == key => (Some("ascending"), format!("-{key}"), "▲"),
        _ => (None, key.to_owned(), "↕"),
    };
    let href = query.with("sort", &next).href(path);
    view! {
        <th scope="col" class=class aria-sort=order>
            <a href=href>{label}<span class="arrow" aria-hidden="true">{arrow}</span></a>
        </th>
    }
    .into_any()
}

fn row_view(row: Row, checkbox_name: Option<&'static str>, numbers: &[bool]) -> AnyView {
    let pick = checkbox_name.map(|name| match row.checkbox {
        Some(pick) => view! {
            <td class="pick">
                <input
                    type="checkbox"
                    name=name
                    value=pick.value
                    aria-label=pick.label
                    checked=pick.checked
                />
            </td>
        }
        .into_any(),
        None => view! { <td class="pick"></td> }.into_any(),
    });
    let cells: Vec<AnyView> = row
        .cells
        .into_iter()
        .enumerate()
        .map(|(at, cell)| {
            let class = numbers.get(at).copied().unwrap_or(false).then_some("number");
            if at == 0 {
                view! { <th scope="row" class=class>{cell}</th> }.into_any()
            } else {
                view! { <td class=class>{cell}</td> }.into_any()
            }
        })
        .collect();
    view! { <tr id=row.id class=row.class>{pick}{cells}</tr> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::render_part;

    fn table(query: &str) -> Table {
        Table::new(
            "Balances",
            vec![Column::new("Guarantor").sort("name"), Column::new("Due").sort("due").number()],
        )
        .sorted("/staff/balances", &Query::parse(query), "-due")
    }

    #[test]
    fn a_sorted_column_says_so_and_its_link_turns_it_around() {
        let rows = || vec![Row::new().cell("Lopez").cell("$82.00")];
        let html = render_part(table("status=ready&page=4").rows(rows()).view());
        assert!(html.contains("aria-sort=\"descending\""), "{html}");
        assert!(html.contains("href=\"/staff/balances?status=ready&amp;sort=due\""), "{html}");
        let html = render_part(table("sort=name").rows(rows()).view());
        assert!(html.contains("sort=-name"), "{html}");
    }

    #[test]
    fn each_checkbox_names_its_row() {
        let rows =
            vec![Row::new().checkbox("gua_1", "Include Maria Lopez, $82.00", true).cell("L")];
        let html = render_part(table("").checkboxes("include", "Include").rows(rows).view());
        assert!(html.contains("aria-label=\"Include Maria Lopez, $82.00\""), "{html}");
        assert!(html.contains("checked"), "{html}");
    }

    #[test]
    fn an_empty_table_says_what_to_do_instead() {
        let html = render_part(table("").empty("All online payments are applied.").view());
        assert!(!html.contains("<table"), "{html}");
        assert!(html.contains("All online payments are applied."));
    }
}
