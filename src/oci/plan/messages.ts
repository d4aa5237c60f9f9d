/** Of a plan's messages: how they look is said by the options of ch-oci-ts's own log. */
export const plainMessages = { verbosity: 0, color: 'never', log: 'text' } as const;
