/** Ids shared by the examples, so that the examples of one story refer to one another. */
export const exampleIds = {
  event: '0197a1b2-c3d4-7e5f-8a6b-000000000001',
  partner: '0197a1b2-c3d4-7e5f-8a6b-000000000002',
  product: '0197a1b2-c3d4-7e5f-8a6b-000000000003',
  policy: '0197a1b2-c3d4-7e5f-8a6b-000000000004',
  click: '0197a1b2-c3d4-7e5f-8a6b-000000000005',
  order: '0197a1b2-c3d4-7e5f-8a6b-000000000006',
  conversion: '0197a1b2-c3d4-7e5f-8a6b-000000000007',
  commission: '0197a1b2-c3d4-7e5f-8a6b-000000000008',
  clawback: '0197a1b2-c3d4-7e5f-8a6b-000000000009',
  refund: '0197a1b2-c3d4-7e5f-8a6b-00000000000a',
  endpoint: '0197a1b2-c3d4-7e5f-8a6b-00000000000b',
  job: '0197a1b2-c3d4-7e5f-8a6b-00000000000c',
  apiKey: '0197a1b2-c3d4-7e5f-8a6b-00000000000d',
} as const;
