/* Tables: columns as wide as their widest cell. */
#include "driver/table.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

Table table_new(Arena *arena, const char *align, const char *titles)
{
    Table table = {.arena = arena, .align = align, .columns = (int)strlen(align)};
    TableRow row = {0};
    for (int i = 0; i < table.columns; i++) {
        const size_t n = strcspn(titles, "|");
        row.cells[i] = arena_strndup(arena, titles, n);
        titles += n + (titles[n] == '|');
    }
    vec_push(arena, table.rows, row);
    return table;
}

void table_add(Table *table, ...)
{
    TableRow row = {0};
    va_list cells;
    va_start(cells, table);
    for (int i = 0; i < table->columns; i++) {
        const char *cell = va_arg(cells, const char *);
        row.cells[i] = cell ? cell : "";
    }
    va_end(cells);
    vec_push(table->arena, table->rows, row);
}

void table_rule(Table *table)
{
    vec_push(table->arena, table->rows, ((TableRow){.rule = true}));
}

static void measure(const Table *table, int *width)
{
    for (int i = 0; i < table->columns; i++) width[i] = 0;
    for (int r = 0; r < table->rows.count; r++)
        for (int i = 0; i < table->columns && !table->rows.at[r].rule; i++) {
            const int n = (int)strlen(table->rows.at[r].cells[i]);
            if (n > width[i]) width[i] = n;
        }
}

static void print_rule(const int *width, int columns, FILE *out)
{
    int total = 2 * (columns - 1);
    for (int i = 0; i < columns; i++) total += width[i];
    fputs("  ", out);
    for (int i = 0; i < total; i++) fputc('-', out);
    fputc('\n', out);
}

void table_print(const Table *table, FILE *out)
{
    int width[TABLE_COLUMNS];
    measure(table, width);
    for (int r = 0; r < table->rows.count; r++) {
        const TableRow *row = &table->rows.at[r];
        int last = table->columns - 1;
        if (row->rule) {
            print_rule(width, table->columns, out);
            continue;
        }
        while (last > 0 && !*row->cells[last]) last--;
        for (int i = 0; i <= last; i++) {
            const bool left = table->align[i] == '<';
            if (left && i == last) fprintf(out, "  %s", row->cells[i]);
            else fprintf(out, "  %*s", left ? -width[i] : width[i], row->cells[i]);
        }
        fputc('\n', out);
    }
}

static void print_csv_cell(const Table *table, int column, const char *cell, FILE *out)
{
    const bool number = table->align[column] == '>';
    const bool quoted = !number && strpbrk(cell, ",\"");
    if (quoted) fputc('"', out);
    for (const char *c = cell; *c; c++) {
        if (number && *c == ',') continue;
        if (*c == '"') fputc('"', out);
        fputc(*c, out);
    }
    if (quoted) fputc('"', out);
}

void table_print_csv(const Table *table, FILE *out)
{
    for (int r = 0; r < table->rows.count; r++) {
        if (table->rows.at[r].rule) continue;
        for (int i = 0; i < table->columns; i++) {
            if (i) fputc(',', out);
            print_csv_cell(table, i, table->rows.at[r].cells[i], out);
        }
        fputc('\n', out);
    }
}

/* ---- cells ---- */

const char *with_commas(Arena *arena, int64_t n)
{
    Text out = text_new(arena);
    text_add_grouped(&out, n);
    return out.at;
}

/* Three significant digits. */
static const char *scaled(Arena *arena, double value, const char *unit)
{
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return arena_printf(arena, "%.*f %s", decimals, value, unit);
}

const char *with_unit(Arena *arena, double seconds)
{
    if (seconds < 1e-6) return scaled(arena, seconds * 1e9, "ns");
    if (seconds < 1e-3) return scaled(arena, seconds * 1e6, "us");
    if (seconds < 1) return scaled(arena, seconds * 1e3, "ms");
    return scaled(arena, seconds, "s");
}

const char *bytes_text(Arena *arena, double bytes)
{
    if (bytes < 1e3) return arena_printf(arena, "%.0f B", bytes);
    if (bytes < 1e6) return arena_printf(arena, "%.1f KB", bytes / 1e3);
    return arena_printf(arena, "%.1f MB", bytes / 1e6);
}
