// SPDX-License-Identifier: MIT
/*
 * Functions and their lines; where.h has the list, the build makes the table.
 */
#include <stdio.h>
#include <string.h>

#include "where.h"

static const struct place places[] = {
#include "lab_lines.h"
};

const struct place *where_place(const char *function)
{
	unsigned int i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!strcmp(places[i].function, function))
			return &places[i];
	return NULL;
}

const char *where(const char *function)
{
	const struct place *place = where_place(function);
	static char text[128];

	if (place)
		snprintf(text, sizeof(text), "%s() %s:%u", function,
			 place->file, place->line);
	else
		snprintf(text, sizeof(text), "%s()", function);
	return text;
}
